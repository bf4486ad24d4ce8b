//! Which clients are protected, as it is shown and checked.

use serde_json::{Value, json};

use super::failures::somebody_else;
use super::scene::{Scene, lines, printed};

/// A server that knows these rows.
fn knows(rows: &[Value]) -> String {
    let body = json!({ "items": rows, "next_cursor": null }).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    somebody_else((head + &body).into_bytes().leak())
}

fn row(client: u8, protection: &str) -> Value {
    let id = format!("0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5{client:03}");
    let newest = (protection != "never").then_some("2026-11-24T02:30:04Z");
    let idle = (protection == "paused").then_some("the policy is disabled");
    let (cause, fix) = match protection {
        "failing" => (Some("login_refused"), Some("put the server's key there")),
        _ => (None, None),
    };
    json!({
        "tenant": id, "failed": null, "cause": cause, "fix": fix,
        "client": {"id": id, "name": format!("web{client}")},
        "policy": {"id": "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41", "name": "web"},
        "protection": protection, "expected_by": "2026-11-25T04:00:00Z", "newest": newest, "idle": idle,
    })
}

#[test]
fn the_worst_is_shown_first_and_checked_for() {
    let scene = Scene::new();
    let url = knows(&[row(1, "protected"), row(2, "overdue"), row(3, "never"), row(4, "paused"), row(5, "protected")]);
    let run = |more: &str| scene.run(format!("status --server {url} {more}").split_whitespace());
    let shown = "\
Client  Policy  Protection       Newest snapshot      Next expected by     Why
-------------------------------------------------------------------------------------------------
web2    web     overdue          2026-11-24 02:30:04  2026-11-25 04:00:00
web3    web     never backed up  none                 2026-11-25 04:00:00
web1    web     protected        2026-11-24 02:30:04  2026-11-25 04:00:00
web5    web     protected        2026-11-24 02:30:04  2026-11-25 04:00:00
web4    web     paused           2026-11-24 02:30:04  2026-11-25 04:00:00  the policy is disabled
5 clients: 2 protected, 1 overdue, 1 never backed up, 1 paused
";
    assert_eq!(printed(0, &run("")), shown);
    let summary = shown.lines().last().unwrap();
    assert_eq!(printed(1, &run("--check -q")), format!("{summary}\n"));
    assert_eq!(lines(&printed(1, &run("--check --json")))[0][0]["protection"], "overdue");
    let good = knows(&[row(1, "protected"), row(2, "due"), row(3, "running")]);
    let said = printed(0, &scene.run(["status", "--check", "-q", "--server", &good]));
    assert_eq!(said, "3 clients: 1 due, 1 running, 1 protected\n");
}

#[test]
fn of_many_all_that_are_bad_are_shown_and_a_few_of_the_rest() {
    let scene = Scene::new();
    let rows: Vec<_> = (0..100).map(|number| row(number, if number < 7 { "failing" } else { "protected" })).collect();
    let url = knows(&rows);
    let said = scene.say(&format!("status --server {url}"));
    assert_eq!(said.matches(" failing ").count(), 7);
    assert_eq!(said.matches("  login refused: put the server's key there\n").count(), 7);
    assert!(
        said.ends_with("… and 50 more that are no worse: --all shows them\n100 clients: 93 protected, 7 failing\n")
    );
    assert_eq!(scene.say(&format!("status --all --server {url}")).lines().count(), 103);
}

#[test]
fn a_client_counts_for_each_of_its_policies_and_what_has_no_policy_is_said() {
    let scene = Scene::new();
    assert_eq!(scene.say("status"), "there is no client: nothing is backed up\n");
    let mut other = row(1, "overdue");
    other["policy"] = json!({"id": "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c42", "name": "etc"});
    let url = knows(&[row(1, "protected"), other]);
    let said = scene.say(&format!("status --server {url}"));
    assert!(said.ends_with("\n1 client, counted for each policy: 1 overdue, 1 protected\n"), "{said}");
    // That it failed comes before that nothing runs it by itself.
    let mut unscheduled = row(1, "failing");
    unscheduled["idle"] = json!("the policy has no schedule: it runs when somebody starts it");
    let said = scene.say(&format!("status --server {}", knows(&[unscheduled])));
    let why =
        "login refused: put the server's key there; the policy has no schedule: it runs when somebody starts it\n";
    assert!(said.contains(why), "{said}");
    // The real server, of a client that was never backed up.
    super::objects::furnish(&scene);
    let said = scene.say("status --client web1");
    assert!(said.ends_with("\n1 client: 1 never backed up\n"), "{said}");
    let mut forgotten = row(7, "never");
    (forgotten["policy"], forgotten["idle"]) = (json!(null), json!("it is in no policy: nothing of it is backed up"));
    let said = scene.say(&format!("status --server {}", knows(&[forgotten])));
    assert!(
        said.contains("web7    -       never backed up") && said.ends_with("1 never backed up; 1 in no policy\n"),
        "{said}"
    );
    assert_eq!(scene.json("status --policy web --check")[0][0]["client"]["name"], "web1");
    assert!(scene.fails("status --client nobody").contains("no client named nobody"));
}
