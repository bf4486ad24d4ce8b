//! `cargo xtask scale`: what a large repository costs, measured and shown as a table.
//!
//! It builds and runs the example `scale` of the engine, once for each measurement. What the figures mean, and what follows
//! for even larger repositories, stands in `docs/scaling.md`, by hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::{cargo, output, run as run_command};
use crate::workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask scale [OPTIONS]

Makes a local repository whose index names many blobs, and measures start-up, look-ups and memory without and with the
index cache; then lets many sessions write into one repository at once.

  --blobs N      blobs of the index [default: 10000000; takes 50 bytes each for index files, and as much for the cache]
  --sessions N   sessions at once, 4 MiB each and 4 MiB that all have [default: 200]
  --dir DIR      where [default: target/scale]; a disk counts for the first reading, memory for nothing";

/// What is asked for.
struct Options {
    blobs: String,
    sessions: String,
    dir: PathBuf,
}

pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    let mut options = Options { blobs: "10000000".into(), sessions: "200".into(), dir: workspace.target.join("scale") };
    for pair in arguments.chunks(2) {
        match *pair {
            ["--help" | "-h"] => {
                println!("{USAGE}");
                return Ok(());
            }
            ["--blobs", value] => options.blobs = value.to_owned(),
            ["--sessions", value] => options.sessions = value.to_owned(),
            ["--dir", value] => options.dir = value.into(),
            _ => bail!("cannot understand `{}`\n\n{USAGE}", pair.join(" ")),
        }
    }
    let program = build(workspace)?;
    std::fs::create_dir_all(&options.dir).with_context(|| format!("cannot make {}", options.dir.display()))?;
    let place = options.dir.join(format!("run-{}", std::process::id()));
    let measured = measure(&program, &place, &options);
    let removed = std::fs::remove_dir_all(&place);
    measured?;
    removed.with_context(|| format!("cannot remove {}", place.display()))
}

/// The program that measures the engine by itself.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--release", "--package", "holdfast-repo", "--example", "scale"]);
    run_command(build.current_dir(&workspace.root))?;
    Ok(workspace.target.join("release/examples/scale"))
}

fn measure(program: &Path, place: &Path, options: &Options) -> Result<()> {
    std::fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    let (repository, state, shared) = (place.join("repository"), place.join("state"), place.join("shared"));
    let say = |arguments: &[&str]| -> Result<Value> {
        eprintln!("+ scale {}", arguments.join(" "));
        let text = output(Command::new(program).args(arguments))?;
        serde_json::from_str(&text).context("the example prints JSON")
    };
    let (repository, state) = (text(&repository)?, text(&state)?);
    let made = say(&["make", repository, &options.blobs])?;
    println!(
        "\n{} blobs in {} index files of {:.0} MB\n",
        made["blobs"],
        made["index_files"],
        number(&made, "index_bytes") / 1e6
    );
    println!(
        "| start | index files read | time | memory then | after 10,000 look-ups | after all | bytes a blob | most |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (what, state) in
        [("without a cache", "-"), ("writing the cache", state), ("with the cache", state), ("again", state)]
    {
        println!("{}", row(what, &say(&["open", repository, state, "10000"])?));
    }
    let sessions = say(&["sessions", text(&shared)?, &options.sessions, "4"])?;
    println!(
        "\n{} sessions at once: {:.0} MB given, {:.0} MB stored in {} packs and {} index files, {} snapshots read back; \
         {:.1} s, at most {:.0} MiB of memory",
        sessions["sessions"],
        number(&sessions, "given_bytes") / 1e6,
        number(&sessions, "stored_bytes") / 1e6,
        sessions["packs"],
        sessions["index_files"],
        sessions["snapshots"],
        number(&sessions, "seconds"),
        mebibytes(&sessions, "peak_bytes"),
    );
    Ok(())
}

fn row(what: &str, opened: &Value) -> String {
    format!(
        "| {what} | {} | {:.0} ms | {:.0} MiB | {:.0} MiB, {:.1} µs each | {:.0} MiB, {:.2} µs each | {:.1} | {:.0} MiB |",
        opened["index_files_read"],
        number(opened, "refresh_seconds") * 1e3,
        mebibytes(opened, "bytes_at_start"),
        mebibytes(opened, "bytes_then"),
        number(opened, "lookups_seconds") * 1e6 / number(opened, "lookups"),
        mebibytes(opened, "bytes_of_all"),
        number(opened, "all_seconds") * 1e6 / number(opened, "blobs"),
        number(opened, "bytes_of_all") / number(opened, "blobs"),
        mebibytes(opened, "peak_bytes"),
    )
}

fn number(of: &Value, name: &str) -> f64 {
    of[name].as_f64().unwrap_or(f64::NAN)
}

fn mebibytes(of: &Value, name: &str) -> f64 {
    number(of, name) / f64::from(1 << 20)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the folder has a name that can be written down")
}
