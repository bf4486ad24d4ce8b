//! `holdfast find` where no repository is given: the server knows the names in all snapshots.

use std::collections::HashSet;

use anyhow::{Result, bail};
use holdfast_api::FoundPath;
use holdfast_api::client::FindQuery;
use holdfast_model::client::ClientSpec;
use holdfast_model::{ClientUid, EntryKind};

use super::Session;
use crate::args::FindArgs;
use crate::exit::Exit;
use crate::local_time;
use crate::output::{self, Table, printable};

/// So many paths are shown to people if nothing is said; programs get all, for they could not tell that some are missing.
const MOST: usize = 1000;

/// Finds files by name in the snapshots of all clients.
pub fn run(session: &Session<'_>, args: &FindArgs) -> Result<Exit> {
    check(args)?;
    let clients = args.filter.host.iter().map(|name| Ok(Some(session.find::<ClientSpec>(name)?.id)));
    let clients: Vec<Option<ClientUid>> = clients.collect::<Result<_>>()?;
    let clients = if clients.is_empty() { vec![None] } else { clients };
    let is_json = session.context.output.is_json();
    let most = args.limit.map_or(if is_json { usize::MAX } else { MOST }, |most| most as usize);
    let (mut found, mut known, mut has_more) = (Vec::new(), HashSet::new(), false);
    for pattern in &args.patterns {
        for client in &clients {
            let text = if args.ignore_case { pattern.to_lowercase() } else { pattern.clone() };
            let query = FindQuery { text, mode: "glob", tenant: session.tenant, client: *client };
            // What two patterns find is shown once.
            let is_new = |one: &FoundPath| {
                known.insert((one.client, one.hostname.clone(), one.policy, one.repository, one.path.clone()))
            };
            has_more |= search(session, &query, most, is_new, &mut found)?;
        }
    }
    show(session, &found, has_more)?;
    Ok(Exit::Done)
}

/// What only a repository can be asked.
fn check(args: &FindArgs) -> Result<()> {
    let filter = &args.filter;
    for (option, is_given) in [
        ("--snapshot", !args.snapshot.is_empty()),
        ("--tag", !filter.tag.is_empty()),
        ("--path", !filter.path.is_empty()),
        ("--long", args.long),
    ] {
        if is_given {
            bail!("{option} is for a repository: name it with -r, or leave {option} out to ask the server");
        }
    }
    if let Some(pattern) = args.patterns.iter().find(|pattern| pattern.contains('/')) {
        bail!("{pattern:?} has a slash, and the server finds names alone: give the last part of the path");
    }
    Ok(())
}

/// Goes from page to page; gives back whether there is more than is wanted.
fn search(
    session: &Session<'_>,
    query: &FindQuery,
    most: usize,
    mut is_new: impl FnMut(&FoundPath) -> bool,
    found: &mut Vec<FoundPath>,
) -> Result<bool> {
    let mut cursor = None;
    loop {
        session.context.cancel.check()?;
        let page = session.api.find_names(query, cursor.clone())?;
        let has_next = page.next_cursor.is_some();
        if has_next && page.next_cursor == cursor {
            bail!("the server does not get on with its search: it gives the same page again");
        }
        found.extend(page.items.into_iter().filter(|one| is_new(one)));
        if found.len() >= most {
            let has_more = has_next || found.len() > most;
            found.truncate(most);
            return Ok(has_more);
        }
        cursor = page.next_cursor;
        if !has_next {
            return Ok(false);
        }
    }
}

fn show(session: &Session<'_>, found: &[FoundPath], has_more: bool) -> Result<()> {
    let output = &session.context.output;
    output.finish();
    if output.is_json() {
        output.document(&found)?;
    } else if !found.is_empty() {
        table(found).lines().iter().try_for_each(|line| output.result(line))?;
    }
    let most = if has_more { ", and there are more: --limit shows them" } else { "" };
    output.line(format!("{}{most}", output::count(found.len() as u64, "path")))?;
    Ok(())
}

fn table(found: &[FoundPath]) -> Table {
    let mut table = Table::new(&["Client", "Changed", ">Size", ">Versions", "Newest in", "Path"]);
    for one in found {
        let is_file = one.kind == EntryKind::File;
        table.row([
            printable(&one.hostname),
            one.modified.map(local_time::show_time).unwrap_or_default(),
            if is_file { output::bytes(one.size) } else { String::new() },
            one.versions.to_string(),
            one.last.id.short().to_string(),
            printable(&one.path),
        ]);
    }
    table
}
