//! `cargo xtask bench server`: what a large server costs, on SQLite and on PostgreSQL, as a part of `docs/benchmarks.md`.
//!
//! It builds and runs the example `scale` of the server's crate. What is to be reached stands beside what was measured.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use holdfast_testkit::Postgres;
use serde_json::Value;

use super::{commit, machine::Machine, room};
use crate::command::{cargo, output, run as run_command};
use crate::workspace::Workspace;

/// Where this part of the document begins.
pub(super) const MARK: &str = "\n# The server\n";

/// How much there is of each.
const CLIENTS: &str = "10000";
const JOBS: &str = "1000000";
const SNAPSHOTS: &str = "50000";

/// Measures, and writes it into the document.
pub(super) fn run(workspace: &Workspace) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--release", "--package", "holdfast-server", "--example", "scale"]);
    run_command(build.current_dir(&workspace.root))?;
    let program = workspace.target.join("release/examples/scale");
    let root = room::choose(&workspace.target);
    std::fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
    let machine = Machine::look(&root)?;
    let file = root.join(format!("server-{}.db", std::process::id()));
    let sqlite = measure(&program, &format!("sqlite:{}", file.display()));
    for part in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{part}", file.display()));
    }
    let sqlite = sqlite?;
    let postgres = Postgres::start().map(|server| measure(&program, &server.new_database("scale"))).transpose()?;
    let section = section(&machine, &commit(workspace)?, &sqlite, postgres.as_ref());
    print!("{section}");
    let path = workspace.root.join("docs/benchmarks.md");
    let document = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let head = document.split(MARK).next().unwrap_or_default();
    std::fs::write(&path, format!("{head}{section}")).with_context(|| format!("cannot write {}", path.display()))
}

/// The part of a document that this writes; nothing, if it has none.
pub(super) fn part_of(document: &str) -> &str {
    document.find(MARK).map_or("", |at| &document[at..])
}

fn measure(program: &Path, address: &str) -> Result<Value> {
    let say = |arguments: &[&str]| -> Result<Value> {
        eprintln!("+ scale {}", arguments.join(" "));
        serde_json::from_str(&output(Command::new(program).args(arguments))?).context("the example prints JSON")
    };
    say(&["fill", address, CLIENTS, JOBS, SNAPSHOTS])?;
    say(&["measure", address])
}

fn section(machine: &Machine, commit: &str, sqlite: &Value, postgres: Option<&Value>) -> String {
    let mut text = format!(
        "{MARK}\nBy `cargo xtask bench server` ({commit}), {} cores of {}: 10,000 clients, 200 policies, 1,000,000 jobs, 50,000 \
         snapshots. Each list is asked for a hundred times, through the API's own router.\n\n",
        machine.cores, machine.processor
    );
    let columns: Vec<&Value> = [Some(sqlite), postgres].into_iter().flatten().collect();
    text.push_str("| | to be reached | SQLite |");
    text.push_str(if postgres.is_some() { " PostgreSQL |\n|---|---:|---:|---:|\n" } else { "\n|---|---:|---:|\n" });
    let mut row = |name: &str, goal: &str, cell: &dyn Fn(&Value) -> String| {
        let cells: Vec<String> = columns.iter().map(|column| cell(column)).collect();
        let _ = writeln!(text, "| {name} | {goal} | {} |", cells.join(" | "));
    };
    let spread = |value: &Value| format!("{} ms, 99 of 100: {}", value["median_ms"], value["p99_ms"]);
    row("a pass of the scheduler", "50 ms", &|column| spread(&column["scheduler_pass"]));
    row("all policies due at once, 30,000 jobs made", "", &|column| {
        format!("{:.1} s", column["launching_ms"].as_f64().unwrap_or(0.0) / 1000.0)
    });
    let lists: Vec<String> =
        sqlite["lists"].as_object().map(|lists| lists.keys().cloned().collect()).unwrap_or_default();
    for list in lists {
        row(&format!("`{}`", shortened(&list)), "50 ms", &|column| {
            let same = column["lists"].as_object().and_then(|lists| {
                lists.iter().find(|(name, _)| shortened(name) == shortened(&list)).map(|(_, value)| value)
            });
            same.map(spread).unwrap_or_default()
        });
    }
    row("1,000 clients finish", "60 s", &|column| {
        let finishing = &column["finishing"];
        let whole = finishing["succeeded_events"] == 1000 && finishing["has_gap"] == false;
        let words = if whole { "every job and event there" } else { "SOMETHING IS MISSING" };
        format!("{:.1} s, {words}", finishing["seconds"].as_f64().unwrap_or(0.0))
    });
    row("memory", "300 MiB", &|column| format!("{} MiB", column["resident_mib"]));
    text
}

/// Without ids and cursors, which are others each time.
fn shortened(list: &str) -> String {
    let words = list.trim_start_matches("/api/v1/").split('&').map(|word| match word.split_once('=') {
        Some((name @ ("client" | "cursor"), _)) => format!("{name}=…"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join("&")
}
