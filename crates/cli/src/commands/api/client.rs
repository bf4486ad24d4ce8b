//! `holdfast client`

use anyhow::Result;
use holdfast_api::Client;
use holdfast_model::client::{ClientSpec, Connection, Facts, Proven};

use super::follow::waits_for_a_key;
use super::object::{Shown, yes_or_no};
use super::{Session, keys};
use crate::args::api::{ClientAdd, ClientCommand, ClientPrepare, ConnectionChoice};
use crate::exit::Exit;
use crate::local_time;
use crate::output::{bytes, count, printable};

/// Runs a verb on clients.
pub fn run(session: &Session<'_>, command: &ClientCommand) -> Result<Exit> {
    match command {
        ClientCommand::Add(args) => add(session, args),
        ClientCommand::List(args) => session.show_list::<ClientSpec>(args),
        ClientCommand::Show(args) => session.show_one::<ClientSpec>(args, |_| Ok(Vec::new())),
        ClientCommand::Edit(args) => session.edit_one::<ClientSpec>(args),
        ClientCommand::Prepare(args) => prepare(session, session.find(&args.name)?, &args.accept_keys),
        ClientCommand::AcceptKey(args) => accept_key(session, args),
        ClientCommand::Remove(args) => session.remove_one::<ClientSpec>(args),
    }
}

fn add(session: &Session<'_>, args: &ClientAdd) -> Result<Exit> {
    let spec = ClientSpec {
        connection: connection(&args.connection),
        description: args.description.clone(),
        tags: args.tags.iter().map(|tag| tag.parse()).collect::<Result<_, _>>()?,
        enabled: !args.disabled,
        ..ClientSpec::new(args.hostname.parse()?)
    };
    let wanted = keys::wanted(&args.accept_keys)?;
    let client = session.api.create(spec, session.tenant)?;
    session.tell(&client, "added")?;
    if args.no_prepare { Ok(Exit::Done) } else { prepare(session, client, &wanted) }
}

fn connection(choice: &ConnectionChoice) -> Connection {
    Connection {
        address: choice.address.clone(),
        user: choice.user.clone(),
        port: choice.port,
        identity_file: choice.identity_file.clone(),
        jump_host: choice.jump_host.clone(),
        sudo: choice.sudo,
        ..Connection::default()
    }
}

/// Prepares a client; if nobody has said yet whether its keys are to be believed, asks that, and prepares it again.
fn prepare(session: &Session<'_>, client: Client, accept_keys: &[String]) -> Result<Exit> {
    let wanted = keys::wanted(accept_keys)?;
    let has_no_key = client.status.host_keys.accepted.is_empty();
    let jobs = session.follow_preparing(session.api.prepare_client(client.id)?, has_no_key)?;
    if !jobs.iter().any(waits_for_a_key) {
        return session.exit_of(&jobs);
    }
    let client: Client = session.api.read::<ClientSpec>(client.id)?;
    if client.status.host_keys.offered.is_empty() {
        return session.exit_of(&jobs);
    }
    keys::decide(session, &client, &wanted)?;
    session.follow_to_end(vec![session.api.prepare_client(client.id)?])
}

fn accept_key(session: &Session<'_>, args: &ClientPrepare) -> Result<Exit> {
    let client = session.find::<ClientSpec>(&args.name)?;
    let wanted = keys::wanted(&args.accept_keys)?;
    let client = keys::decide(session, &client, &wanted)?;
    session.tell(&client, "is believed by its host key from now on")
}

impl Shown for ClientSpec {
    const HEADINGS: &'static [&'static str] = &["Address", "Tags", "Enabled", "Ready"];

    fn cells(object: &Client) -> Vec<String> {
        let (spec, status) = (&object.spec, &object.status);
        let connection = &spec.connection;
        let mut address = connection.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        address += connection.address.as_deref().unwrap_or(spec.hostname.as_str());
        address += &connection.port.map(|port| format!(":{port}")).unwrap_or_default();
        let tags: Vec<_> = spec.tags.iter().map(ToString::to_string).collect();
        let ready = match (&status.host_keys, status.ready_since) {
            (keys, _) if keys.is_changed() => "another host key!".to_owned(),
            (keys, _) if !keys.offered.is_empty() => "host key?".to_owned(),
            (_, ready) => yes_or_no(ready.is_some()),
        };
        vec![address, tags.join(","), yes_or_no(spec.enabled), ready]
    }

    fn found(object: &Client) -> Vec<(&'static str, String)> {
        let status = &object.status;
        let ready = status
            .ready_since
            .map_or_else(|| "no".to_owned(), |since| format!("since {}", local_time::show_time(since)));
        let keys = &status.host_keys;
        let mut rows = vec![
            ("Ready", ready),
            ("Host keys", keys::lines(&keys.accepted)),
            ("Host keys to decide about", keys::lines(&keys.offered)),
            ("Proven", status.proven.as_ref().map(proven).unwrap_or_default()),
            ("Agent", printable(status.agent_version.as_deref().unwrap_or_default())),
        ];
        rows.extend(status.facts.as_ref().map(facts).into_iter().flatten());
        rows
    }

    fn removal(object: &Client) -> Option<String> {
        Some(format!("its snapshots stay: they are of the host {}", object.spec.hostname))
    }
}

/// What was restored of it, to prove that it can be.
fn proven(proven: &Proven) -> String {
    let (at, snapshot) = (local_time::show_time(proven.at), proven.snapshot.short());
    let (files, size) = (count(proven.files, "file"), bytes(proven.bytes));
    format!("{at}, {files} of snapshot {snapshot}, {size}; {} as the host has it now", proven.as_on_client)
}

/// What a client said of itself. It may say anything.
fn facts(facts: &Facts) -> Vec<(&'static str, String)> {
    let machine = format!(
        "{} {}, {} processors, {} of memory",
        facts.architecture,
        facts.kernel,
        facts.processors,
        bytes(facts.memory_bytes)
    );
    let file_systems: Vec<_> = facts
        .file_systems
        .iter()
        .map(|one| {
            let (size, free) = (bytes(one.size_bytes), bytes(one.free_bytes));
            printable(&format!("{} ({}): {size}, {free} free", one.mount_point, one.kind))
        })
        .collect();
    let services: Vec<_> = facts.services.iter().filter_map(|one| serde_json::to_value(one).ok()).collect();
    let services: Vec<_> = services.iter().filter_map(|one| one.as_str()).collect();
    let skew = match facts.clock_skew_seconds {
        skew if skew.unsigned_abs() < 2 => String::new(),
        skew if skew > 0 => format!("{skew} s ahead of the server's"),
        skew => format!("{} s behind the server's", skew.unsigned_abs()),
    };
    vec![
        ("System", printable(&facts.os)),
        ("Machine", printable(&machine)),
        ("Addresses", printable(&facts.addresses.join(", "))),
        ("Clock", skew),
        ("File systems", file_systems.join("\n")),
        ("Services", services.join(", ")),
    ]
}
