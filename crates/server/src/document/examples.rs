//! An example of what each operation takes and gives.
//!
//! Each is read by the very type that it is an example of, so that none says what is no longer so.

use std::collections::BTreeMap;

use holdfast_api::{
    AcceptHostKeys, CheckRepository, CopyRepository, EventList, JobList, NewSecret, PrepareRepository, Protected,
    RetentionForecast, RetentionPreview, RunRequest, SayReady, SecretList,
};
use holdfast_api::{FileList, FileVersion, FoundPath, NewRestore, SchedulePreview, Snapshot, Upcoming};
use holdfast_api::{Health, Job, LogLine, NewObject, Object, Origin, Page, Replacement, Setting, SettingList};
use holdfast_model::client::ClientSpec;
use holdfast_model::job::restore::RestoreOrder;
use holdfast_model::job::{JobKind, JobStatus, Launch, Outcome};
use holdfast_model::object::Spec;
use holdfast_model::policy::PolicySpec;
use holdfast_model::repository::{RepositorySize, RepositorySpec};
use holdfast_model::schedule::ScheduleSpec;
use holdfast_model::tenant::TenantSpec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

const ID: &str = "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41";
const TENANT: &str = "0198c6a0-11d4-7e02-8a51-90b3c4d5e6f7";
const SNAPSHOT: &str = "4bba301ef3ea0ae9b6b8b0d1d4b1f2a3c5d6e7f8091a2b3c4d5e6f708192a3b4";
const HOST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH0123456789abcdefghijklmnopqrstuvwxyzABCD";
const TIME: &str = "2026-11-24T02:30:00Z";

/// Adds them to an operation of the document.
pub(super) fn add(operation: &mut Map<String, Value>) {
    let Some(id) = operation.get("operationId").and_then(Value::as_str) else { return };
    let (request, response) = of(id);
    if let Some(request) = request
        && let Some(content) = operation.get_mut("requestBody").and_then(|body| body.get_mut("content"))
    {
        give(content, "application/json", request);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, answer) in responses {
        let Some(content) = answer.get_mut("content").filter(|_| status != "default") else { continue };
        let (text, line) = log();
        give(content, "text/plain", text);
        give(content, "application/x-ndjson", line);
        for form in ["application/octet-stream", "application/zstd", "application/x-tar", "application/zip"] {
            give(content, form, json!("bytes"));
        }
        if let Some(response) = &response {
            give(content, "application/json", response.clone());
        }
    }
}

fn give(content: &mut Value, form: &str, example: Value) {
    if let Some(content) = content.get_mut(form).and_then(Value::as_object_mut) {
        content.insert("example".to_owned(), example);
    }
}

/// What an operation takes and gives.
fn of(operation: &str) -> (Option<Value>, Option<Value>) {
    match operation.split_once('_') {
        Some((verb, _)) if !["list", "create", "read", "replace", "delete"].contains(&verb) => of_the_rest(operation),
        Some((verb, "tenant" | "tenants")) => of_kind::<TenantSpec>(verb, tenant(), json!({})),
        Some((verb, "client" | "clients")) => of_kind::<ClientSpec>(verb, client(), client_status()),
        Some((verb, "repository" | "repositories")) => {
            of_kind::<RepositorySpec>(verb, repository(), json!({"ready_since": TIME}))
        }
        Some((verb, "schedule" | "schedules")) => of_kind::<ScheduleSpec>(verb, schedule(), json!({})),
        Some((verb, "policy" | "policies")) => of_kind::<PolicySpec>(verb, policy(), json!({"accounted": TIME})),
        _ => of_the_rest(operation),
    }
}

fn of_kind<S: Spec>(verb: &str, spec: Value, status: Value) -> (Option<Value>, Option<Value>)
where
    S::Uid: Serialize + for<'de> Deserialize<'de>,
{
    let object = json!({
        "id": ID, "tenant": TENANT, "revision": 1, "created": TIME, "modified": TIME, "spec": spec, "status": status,
    });
    let object = read::<Object<S>>(object);
    match verb {
        "list" => (None, Some(json!(Page { items: vec![object], next_cursor: None }))),
        "create" => (Some(sent::<NewObject<S>>(json!({"spec": spec}))), Some(json!(object))),
        "replace" => (Some(sent::<Replacement<S>>(json!({"spec": spec}))), Some(json!(object))),
        _ => (None, Some(json!(object))),
    }
}

fn of_the_rest(operation: &str) -> (Option<Value>, Option<Value>) {
    match operation {
        "list_policy_types" => (None, Some(json!(crate::policy_types::all()))),
        "list_repository_sizes" => {
            let size = json!({"measured": TIME, "stored_bytes": 734_003_200_000_u64, "snapshots": 4711});
            (None, Some(json!(Page { items: vec![read::<RepositorySize>(size)], next_cursor: None })))
        }
        "list_upcoming" => (None, Some(upcoming())),
        "preview_schedule" => {
            let draft =
                json!({"spec": {"name": "draft", "cron": "30 2 * * *", "time_zone": "Europe/Berlin"}, "count": 2});
            (Some(sent::<SchedulePreview>(draft)), Some(upcoming()))
        }
        "prepare_client" | "prune_repository" | "catalog_repository" | "verify_repository" | "cancel_job"
        | "retry_job" => (None, Some(json!(job()))),
        "accept_host_keys" => {
            let client = json!({"id": ID, "tenant": TENANT, "revision": 1, "created": TIME, "modified": TIME,
                "spec": client(), "status": {"host_keys": {"accepted": [HOST_KEY]}}});
            (Some(sent::<AcceptHostKeys>(json!({"keys": [HOST_KEY]}))), Some(json!(read::<Object<ClientSpec>>(client))))
        }
        "say_ready" => {
            let said = json!({"token": "b2a6e5c41d2b8a6e5c41d2b8a6e5c41d", "host_keys": [HOST_KEY]});
            (Some(sent::<SayReady>(said)), None)
        }
        "prepare_repository" => (Some(sent::<PrepareRepository>(json!({"create": true}))), Some(json!(job()))),
        "check_repository" => (Some(sent::<CheckRepository>(json!({"read_data": true}))), Some(json!(job()))),
        "copy_repository" => {
            (Some(sent::<CopyRepository>(json!({"to": "offsite", "newest": true}))), Some(json!(job())))
        }
        "run_policy" => {
            let jobs = json!(JobList { jobs: vec![job()] });
            (Some(sent::<RunRequest>(json!({"clients": ["web1.example.net"]}))), Some(jobs))
        }
        "find_names" => (None, Some(found())),
        "find_versions" => (None, Some(versions())),
        "list_secrets" => (None, Some(json!(SecretList { secrets: vec!["main".to_owned()] }))),
        "hand_over_secret" => (Some(sent::<NewSecret>(json!({"secret": "correct horse battery staple"}))), None),
        "list_protection" => {
            let one = json!({"tenant": TENANT, "client": {"id": ID, "name": "web1.example.net"},
                "policy": {"id": ID, "name": "web servers"}, "protection": "failing", "expected_by": TIME,
                "newest": "2026-11-22T01:30:00Z", "failed": TIME, "cause": "login_refused",
                "fix": "put the server's public key into authorized_keys of the login there", "idle": null});
            (None, Some(json!(Page { items: vec![read::<Protected>(one)], next_cursor: None })))
        }
        "preview_retention" => {
            let asked = json!({"retention": {"daily": 7, "monthly": 12}, "cron": "30 2 * * *",
                "time_zone": "Europe/Berlin", "days": 30});
            let forecast = json!({"in_words": "keep 7 daily, 12 monthly snapshots", "kept": 1, "removed": 0,
                "snapshots": [{"snapshot": null, "time": TIME, "reasons": ["daily snapshot"],
                    "goes": "2026-12-01T01:30:00Z"}]});
            (Some(sent::<RetentionPreview>(asked)), Some(json!(read::<RetentionForecast>(forecast))))
        }
        "watch_events" => {
            let event = json!({"number": 7, "at": TIME, "topic": "job", "tenant": TENANT, "subject": ID,
                "body": {"kind": "backup", "status": "running"}});
            (None, Some(json!(read::<EventList>(json!({"events": [event], "last": 7, "is_incomplete": false})))))
        }
        "list_jobs" => (None, Some(json!(Page { items: vec![job()], next_cursor: Some("WyJqb2IiXQ".to_owned()) }))),
        "read_job" => (None, Some(json!(job()))),
        "list_snapshots" => (None, Some(json!(Page { items: vec![known_snapshot()], next_cursor: None }))),
        "list_files" => (None, Some(files())),
        "restore" => (Some(new_restore()), Some(json!(restore()))),
        "read_settings" => (None, Some(settings())),
        "change_settings" => (Some(json!({"jobs_at_once": 4, "catalog": null})), Some(settings())),
        "read_document" => (None, Some(json!({"openapi": "3.1.0"}))),
        "read_liveness" | "read_readiness" => (None, Some(json!(Health::Ok))),
        _ => (None, None),
    }
}

fn tenant() -> Value {
    json!({"name": "Smith & Sons", "repository_template": "s3:https://s3.example.net/{tenant}/{resource}/"})
}

fn client() -> Value {
    json!({
        "hostname": "web1.example.net",
        "connection": {"user": "backup", "sudo": true, "jump_host": "gate.example.net"},
        "tags": ["production", "role=web"],
        "bandwidth": [{"when": "mon-fri 08:00-18:00", "bytes_per_second": 5_000_000}],
    })
}

fn client_status() -> Value {
    json!({"ready_since": TIME, "agent_version": "0.1.0", "facts": {"os": "Debian GNU/Linux 13", "processors": 4}})
}

fn repository() -> Value {
    json!({"name": "main", "uri": "/srv/backup", "password": "file:/etc/holdfast/main"})
}

fn schedule() -> Value {
    json!({"name": "nightly", "cron": "30 2 * * *", "time_zone": "Europe/Berlin", "jitter_seconds": 1800})
}

fn policy() -> Value {
    json!({
        "name": "web servers",
        "work": {"type": "folders", "paths": ["/etc", "/var/www"]},
        "schedule": "nightly",
        "repository": "main",
        "client_tags": ["role=web"],
        "retention": {"daily": 14, "weekly": 8, "monthly": 12},
    })
}

fn upcoming() -> Value {
    json!(read::<Upcoming>(json!({
        "in_words": "At 02:30.",
        "time_zone": "Europe/Berlin",
        "occurrences": [
            {"due": "2027-03-27T01:30:00Z", "local": "2027-03-27T02:30:00+01:00", "clock_change": null},
            {"due": "2027-03-28T01:00:00Z", "local": "2027-03-28T03:00:00+02:00", "clock_change": "moved"},
        ],
    })))
}

fn found() -> Value {
    let path = json!({
        "tenant": TENANT, "client": ID, "hostname": "web1.example.net", "policy": ID, "repository": ID,
        "path": "/etc/ssh/sshd_config", "name": "sshd_config", "type": "file", "size": 3289, "modified": TIME,
        "first": snapshot("2026-10-01T02:30:00Z"), "last": snapshot(TIME), "versions": 2,
    });
    json!(Page { items: vec![read::<FoundPath>(path)], next_cursor: Some("WyJmaW5kIl0".to_owned()) })
}

fn versions() -> Value {
    let version = json!({
        "repository": ID, "policy": ID, "type": "file", "size": 3289, "modified": TIME, "oldest": snapshot(TIME),
        "newest": snapshot(TIME), "snapshots": [snapshot(TIME)],
    });
    json!(Page { items: vec![read::<FileVersion>(version)], next_cursor: None })
}

fn snapshot(time: &str) -> Value {
    json!({"id": "5e1f0c9b7a3d42868f10e2d3c4b5a69788796a5b4c3d2e1f0011223344556677", "time": time})
}

fn job() -> Job {
    let fix = "see whether the host is up, its name resolves and its SSH port is open from here";
    read(json!({
        "id": "0198c6a3-0c5d-7f11-8b2a-6e5c41d2b8a6", "tenant": TENANT, "kind": "backup", "status": "failed",
        "run": "0198c6a3-0c5d-7a90-9c3d-2b8a6e5c41d2", "policy": ID, "client": ID, "repository": ID,
        "launch": "scheduled", "launched_by": "scheduler", "priority": 0, "due": TIME, "created": TIME,
        "not_before": TIME, "started": TIME, "finished": "2026-11-24T02:30:10Z", "after": null, "retry_of": null,
        "retries": 0, "waiting": null, "waiting_text": null, "worker": "server", "cancel_requested": false,
        "parameters": null,
        "outcome": {"error": {"cause": "unreachable", "message": "web1.example.net does not answer on port 22"}},
        "fix": fix, "progress": null,
    }))
}

fn known_snapshot() -> Snapshot {
    read(json!({
        "repository": ID, "id": SNAPSHOT, "tenant": TENANT, "client": ID, "policy": ID, "job": ID, "at": TIME,
        "complete": true, "hostname": "web1.example.net", "paths": ["/etc"], "tags": [format!("job:{ID}")],
        "files": 1234, "bytes": 5_678_901, "bytes_added": 23_456,
    }))
}

fn files() -> Value {
    json!(read::<FileList>(json!({"items": [{
        "name": "nginx.conf", "path": "/etc/nginx/nginx.conf", "kind": "file", "size": 1482, "mode": 420,
        "modified": TIME, "uid": 0, "gid": 0, "user": "root", "group": "root", "target": null,
    }], "next_cursor": null, "left_out": []})))
}

fn new_restore() -> Value {
    sent::<NewRestore>(json!({
        "source": {"client": ID}, "select": {"paths": ["/etc/nginx"]},
        "target": {"to": "client", "client": ID, "path": "/"}, "manner": {"overwrite": "if_changed"}, "dry_run": true,
    }))
}

fn restore() -> Job {
    let order = json!({
        "snapshot": SNAPSHOT, "select": {"paths": ["/etc/nginx"]},
        "target": {"to": "client", "client": ID, "path": "/"}, "manner": {"overwrite": "if_changed"}, "dry_run": true,
    });
    let order = json!(read::<RestoreOrder>(order));
    Job {
        kind: JobKind::Restore,
        status: JobStatus::Queued,
        launch: Launch::Api,
        launched_by: "ann".to_owned(),
        policy: None,
        due: None,
        started: None,
        finished: None,
        worker: None,
        parameters: order,
        outcome: Outcome::default(),
        fix: None,
        ..job()
    }
}

/// A log as text, and a line of it as JSON.
fn log() -> (Value, Value) {
    let line = json!({"line": 1, "at": TIME, "level": "info", "text": "connected to web1.example.net"});
    (json!(format!("{TIME} info    connected to web1.example.net\n")), json!(read::<LogLine>(line)))
}

fn settings() -> Value {
    let setting = |value: Value, default: Value, origin| Setting { value, default, origin };
    let settings = BTreeMap::from([
        ("catalog".to_owned(), setting(json!(true), json!(true), Origin::Default)),
        ("jobs_at_once".to_owned(), setting(json!(4), json!(8), Origin::Made)),
    ]);
    json!(SettingList { settings })
}

/// As it is answered: with all that has a default.
fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("a test makes the document")
}

/// As it is sent, which the type must read.
fn sent<T: DeserializeOwned>(value: Value) -> Value {
    read::<T>(value.clone());
    value
}
