//! Names that a server finds in the snapshots of its clients.

use serde_json::{Value, json};

use super::failures::somebody_else;
use super::scene::{Scene, lines, printed, sentence};

fn found(hostname: &str, path: &str, kind: &str) -> Value {
    let uid = "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41";
    let at = |digit: &str| json!({"id": digit.repeat(64), "time": "2026-11-24T02:30:04Z"});
    let modified = (kind == "file").then_some("2026-11-20T08:00:00.25Z");
    json!({
        "tenant": uid, "client": uid, "hostname": hostname, "policy": null, "repository": uid, "path": path,
        "name": path, "type": kind, "size": 1536, "modified": modified, "first": at("1"), "last": at("a"), "versions": 3,
    })
}

/// A server that finds these, whatever is searched for, and has more if there is a cursor.
fn finds(items: &[Value], cursor: Option<&str>) -> String {
    let body = json!({"items": items, "next_cursor": cursor}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    somebody_else((head + &body).into_bytes().leak())
}

#[test]
fn what_a_server_finds_is_shown_once_each_with_its_newest_version() {
    let scene = Scene::new();
    let url =
        finds(&[found("web1", "/etc/hosts", "file"), found("web2\u{1b}[2J", "/srv/\u{202e}hosts", "directory")], None);
    let shown = "\
Client    Changed                   Size  Versions  Newest in  Path
--------------------------------------------------------------------------
web1      2026-11-20 08:00:00  1.500 KiB         3  aaaaaaaa   /etc/hosts
web2?[2J                                         3  aaaaaaaa   /srv/?hosts
2 paths
";
    // Two patterns find the same.
    let run = |more: &str| printed(0, &scene.run(format!("find hosts h* --server {url} {more}").split_whitespace()));
    assert_eq!(run(""), shown);
    assert_eq!(run("--limit 1").lines().last().unwrap(), "1 path, and there are more: --limit shows them");
    let answer = lines(&run("--json"));
    assert_eq!(answer[0].as_array().unwrap().len(), 2);
    assert_eq!(answer[0][0]["last"]["id"], "a".repeat(64));
    // A server that goes round in a circle is left.
    let url = finds(&[], Some("again"));
    let said = sentence(1, &scene.run(["find", "hosts", "--server", &url]));
    assert_eq!(said, "the server does not get on with its search: it gives the same page again");
}

#[test]
fn a_repository_that_is_given_is_searched_and_no_server() {
    let scene = Scene::new();
    let url = finds(&[found("web1", "/etc/hosts", "file")], None);
    let mut command = scene.command();
    command.args(["find", "hosts", "-q"]).env("HOLDFAST_SERVER", &url).env("RESTIC_PASSWORD", "secret");
    assert!(printed(0, &command.output().unwrap()).contains("/etc/hosts"));
    let nowhere = scene.path("nowhere");
    assert!(sentence(10, &command.env("RESTIC_REPOSITORY", &nowhere).output().unwrap()).contains("nowhere"));
    // Unless it is said that a server is meant.
    assert!(printed(0, &command.args(["--server", &url]).output().unwrap()).contains("/etc/hosts"));
    assert!(scene.fails("find hosts -r nowhere --server http://127.0.0.1:1").contains("cannot be used with"));
    let said = scene.fails("find hosts --tag nightly");
    assert_eq!(said, "--tag is for a repository: name it with -r, or leave --tag out to ask the server");
    let said = scene.fails("find etc/hosts");
    assert!(said.contains("the server finds names alone"), "{said}");
    assert!(scene.fails("find hosts --host nobody").contains("nobody"));
    assert!(scene.fails("find [").contains('['));
}
