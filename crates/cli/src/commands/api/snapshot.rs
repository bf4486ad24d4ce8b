//! `holdfast snapshot`: what a server has seen in its repositories, and what lies there.

mod download;

use std::io::Write;

use anyhow::{Context as _, Result, bail};
use holdfast_api::client::{SnapshotQuery, VersionQuery};
use holdfast_api::{FileVersion, Snapshot};
use holdfast_model::client::ClientSpec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::RepositorySpec;
use holdfast_model::{EntryKind, FileKind, RepositoryUid, SnapshotFile, SnapshotPath};

use super::Session;
use super::names::Names;
use super::object::yes_or_no;
use super::source::{self, Source};
use crate::args::api::{SnapshotChoice, SnapshotCommand, SnapshotFiles, SnapshotVersions};
use crate::exit::Exit;
use crate::local_time;
use crate::output::{self, Table, printable};

/// So many snapshots are shown to people if nothing is said; programs get all.
const FEW: usize = 50;

/// Runs a verb on snapshots.
pub fn run(session: &Session<'_>, command: &SnapshotCommand) -> Result<Exit> {
    match command {
        SnapshotCommand::List(args) => list(session, args),
        SnapshotCommand::Files(args) => files(session, args),
        SnapshotCommand::Versions(args) => versions(session, args),
        SnapshotCommand::Download(args) => download::run(session, args),
    }
}

/// The repository of the server that is named, if one is.
fn repository(session: &Session<'_>, name: Option<&String>) -> Result<Option<RepositoryUid>> {
    Ok(name.map(|name| session.find::<RepositorySpec>(name)).transpose()?.map(|repository| repository.id))
}

fn list(session: &Session<'_>, args: &SnapshotChoice) -> Result<Exit> {
    let client = args.client.as_ref().map(|name| session.find::<ClientSpec>(name)).transpose()?;
    let policy = args.policy.as_ref().map(|name| session.find::<PolicySpec>(name)).transpose()?;
    let query = SnapshotQuery {
        tenant: session.tenant,
        client: client.map(|client| client.id),
        policy: policy.map(|policy| policy.id),
        repository: repository(session, args.repository.as_ref())?,
    };
    let output = &session.context.output;
    let most = args.limit.map_or(if output.is_json() { usize::MAX } else { FEW }, |most| most as usize);
    // One more than is shown tells whether there are more.
    let mut snapshots = session.api.snapshots(&query, most.saturating_add(1))?;
    let has_more = snapshots.len() > most;
    snapshots.truncate(most);
    if output.is_json() {
        output.document(&snapshots)?;
        return Ok(Exit::Done);
    }
    if !snapshots.is_empty() {
        output.lines(&table(session, &snapshots)?.lines())?;
    }
    let more = if has_more { ", and there are more: --limit shows them" } else { "" };
    output.line(format!("{}{more}", output::count(snapshots.len() as u64, "snapshot")))?;
    Ok(Exit::Done)
}

fn table(session: &Session<'_>, snapshots: &[Snapshot]) -> Result<Table> {
    let mut names = Names::new(&session.api);
    let headings = ["Id", "Begun", "Host", "Policy", "Repository", "Whole", ">Files", ">Size", ">Added", "Paths"];
    let mut table = Table::new(&headings);
    for one in snapshots {
        let bytes = |bytes| Option::map(bytes, output::bytes).unwrap_or_default();
        let paths: Vec<_> = one.paths.iter().map(|path| printable(path)).collect();
        table.row([
            one.id.short().to_string(),
            local_time::show_time(one.at),
            printable(&one.hostname),
            names.of_policy(one.policy)?,
            names.of_repository(Some(one.repository))?,
            yes_or_no(one.complete),
            one.files.map(|files| files.to_string()).unwrap_or_default(),
            bytes(one.bytes),
            bytes(one.bytes_added),
            paths.join("\n"),
        ]);
    }
    Ok(table)
}

/// Shows a directory as it comes: it may have millions of entries.
fn files(session: &Session<'_>, args: &SnapshotFiles) -> Result<Exit> {
    let path = source::path(&args.source)?.unwrap_or_else(SnapshotPath::root);
    let within = repository(session, args.repository.as_ref())?;
    let snapshot = Source::find(session, &args.source, within)?.snapshot(session, within)?;
    let output = &session.context.output;
    let at = local_time::show_time(snapshot.at);
    let (id, host) = (snapshot.id.short(), printable(&snapshot.hostname));
    output.monitor().note(&format!("snapshot {id} of {host} at {at}"));
    let (mut cursor, mut is_whole) = (None, true);
    loop {
        session.context.cancel.check()?;
        let part = session.api.files((snapshot.repository, snapshot.id), &path, cursor.clone())?;
        if part.next_cursor.is_some() && part.next_cursor == cursor {
            bail!("the server does not get on with the directory: it gives the same part again");
        }
        let mut out = output.stream();
        for file in &part.items {
            if output.is_json() {
                serde_json::to_writer(&mut out, file).map_err(std::io::Error::from)?;
                out.write_all(b"\n")?;
            } else {
                writeln!(out, "{}", line(file, args.long))?;
            }
        }
        out.flush()?;
        for fault in &part.left_out {
            is_whole = false;
            output.monitor().warning(&format!("left out: {}", printable(fault)));
        }
        cursor = part.next_cursor;
        if cursor.is_none() {
            return Ok(if is_whole { Exit::Done } else { Exit::Incomplete });
        }
    }
}

/// As `holdfast ls` has it.
fn line(file: &SnapshotFile, long: bool) -> String {
    // Escaped as it is, it can be given back.
    let path = printable(&file.path.to_string());
    if !long {
        return path;
    }
    let mode = output::permissions(letter(file.kind), file.mode);
    let target = file.target.as_ref().map(|target| format!(" -> {}", printable(target))).unwrap_or_default();
    let (size, time) = (file.size.unwrap_or_default(), local_time::show_time(file.modified));
    format!("{mode} {:>5} {:>5} {size:>10} {time} {path}{target}", file.uid, file.gid)
}

const fn letter(kind: FileKind) -> char {
    match kind {
        FileKind::File => '-',
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::BlockDevice => 'b',
        FileKind::CharacterDevice => 'c',
        FileKind::Pipe => 'p',
        FileKind::Socket => 's',
    }
}

fn versions(session: &Session<'_>, args: &SnapshotVersions) -> Result<Exit> {
    let wrong = || format!("{:?} names no file of a client: write CLIENT:PATH, as in web1:/etc/hosts", args.file);
    let (client, path) = args.file.split_once(':').filter(|(_, path)| path.starts_with('/')).with_context(wrong)?;
    let policy = args.policy.as_ref().map(|name| session.find::<PolicySpec>(name)).transpose()?;
    let query = VersionQuery {
        client: session.find::<ClientSpec>(client)?.id,
        path: path.to_owned(),
        policy: policy.map(|policy| policy.id),
        repository: repository(session, args.repository.as_ref())?,
    };
    let versions = session.api.versions(&query)?;
    let output = &session.context.output;
    if output.is_json() {
        output.document(&versions)?;
        return Ok(Exit::Done);
    }
    if !versions.is_empty() {
        output.lines(&version_table(session, &versions)?.lines())?;
    }
    output.line(output::count(versions.len() as u64, "version"))?;
    Ok(Exit::Done)
}

fn version_table(session: &Session<'_>, versions: &[FileVersion]) -> Result<Table> {
    let mut names = Names::new(&session.api);
    let mut table = Table::new(&["Changed", ">Size", "Newest in", "Begun", "Oldest in", ">Snapshots", "Repository"]);
    for one in versions {
        table.row([
            one.modified.map(local_time::show_time).unwrap_or_default(),
            if one.kind == EntryKind::File { output::bytes(one.size) } else { String::new() },
            one.newest.id.short().to_string(),
            local_time::show_time(one.newest.time),
            one.oldest.id.short().to_string(),
            one.snapshots.len().to_string(),
            names.of_repository(Some(one.repository))?,
        ]);
    }
    Ok(table)
}
