//! Objects of each kind are added, listed, shown, changed and removed.

use serde_json::json;

use super::scene::{Scene, printed, sentence};

/// One of each kind, as an administrator adds them.
pub(crate) fn furnish(scene: &Scene) {
    scene.say("client add web1 --user root --port 2222 --tag web --tag prod --no-prepare");
    scene.say("client add db1 --address 192.0.2.7 --sudo --jump-host ann@gate --disabled --no-prepare");
    scene.say("repository add main /srv/backup --password-source file:/etc/holdfast/main --no-prepare");
    scene.ok(["schedule", "add", "nightly", "30 2 * * *", "--time-zone", "Europe/Berlin", "--jitter", "600"]);
    scene.say(
        "policy add web --path /etc --path /var/www --client web1 --client-tag prod --repository main --schedule nightly \
         --keep-daily 7 --keep-within 2d --exclude *.log --priority -5",
    );
}

#[test]
fn what_was_added_is_listed_in_tables() {
    let scene = Scene::new();
    furnish(&scene);
    let list = |kind: &str| scene.say(&format!("{kind} list"));
    let clients = "\
Name  Address         Tags      Enabled  Ready
----------------------------------------------
db1   192.0.2.7                 no       no
web1  root@web1:2222  prod,web  yes      no
2 clients
";
    assert_eq!(list("client"), clients);
    let repositories = "\
Name  Where        Enabled  Ready  Size  Snapshots  Looked into  Checked  Pruned  Problem
---------------------------------------------------------------------------------------------------------------------------------------------------
main  /srv/backup  yes      no                      never        never    never   nobody has looked into it yet: `holdfast repository prepare main`
1 repository
";
    assert_eq!(list("repository"), repositories);
    let schedules = "\
Name     When        Time zone      Enabled  In words
------------------------------------------------------
nightly  30 2 * * *  Europe/Berlin  yes      At 02:30.
1 schedule
";
    assert_eq!(list("schedule"), schedules);
    let policies = "\
Name  What     Clients      Repository  Schedule  Next run
---------------------------------------------------------------------
web   2 paths  web1, #prod  main        nightly   2026-11-25 01:30:00
1 policy
";
    assert_eq!(list("policy"), policies);
    let tenants = "\
Name     Runs          Enabled  Description
-------------------------------------------
default  one a client  yes
1 tenant
";
    assert_eq!(list("tenant"), tenants);
    assert_eq!(scene.say("client list nobody"), "0 clients\n");
    assert_eq!(scene.json("client list --tag web --enabled true")[0][0]["spec"]["hostname"], "web1");
    assert_eq!(scene.say("client list --enabled false").lines().count(), 4);
}

#[test]
fn what_was_added_is_shown_with_what_was_said_of_it() {
    let scene = Scene::new();
    furnish(&scene);
    let shown = scene.say("policy show web");
    let yaml = "
name: web
client_tags:
  - prod
clients:
  - web1
excludes:
  patterns:
    - \"*.log\"
priority: -5
repository: main
retention:
  daily: 7
  within: 2d
schedule: nightly
work:
  type: folders
  paths:
    - /etc
    - /var/www
";
    assert!(shown.ends_with(yaml), "{shown}");
    assert!(shown.contains("\nChanged      2026-11-24 12:00:00 (revision 1)\nClients now  1\n"), "{shown}");
    let schedule = scene.say("schedule show nightly");
    assert!(schedule.contains("At 02:30, in Europe/Berlin:\n  2026-11-25T02:30:00+01:00\n"), "{schedule}");
    let client = &scene.json("client show web1")[0];
    assert_eq!(client["spec"]["connection"]["port"], 2222);
    let id = client["id"].as_str().unwrap();
    assert_eq!(scene.json(&format!("client show {id}"))[0], *client, "by its id too");
}

#[test]
fn fields_are_changed_one_by_one_and_the_rest_stays() {
    let scene = Scene::new();
    furnish(&scene);
    let before = scene.json("client show web1")[0]["spec"].clone();
    let arguments =
        ["client", "edit", "web1", "--set", "connection.port=22", "--set", "tags=[a, b]", "--set", "enabled=false"];
    assert_eq!(scene.ok(arguments), "client web1 changed\n");
    let mut expected = before;
    expected["connection"]["port"] = json!(22);
    expected["tags"] = json!(["a", "b"]);
    expected["enabled"] = json!(false);
    assert_eq!(scene.json("client show web1")[0]["spec"], expected);
    assert_eq!(scene.ok(arguments), "client web1 is like that already\n");
    let wrong = scene.fails("client edit web1 --set connection.prot=22");
    assert!(wrong.contains("prot") && wrong.contains("port"), "{wrong}");
    let wrong = scene.fails("schedule edit nightly --set cron=never");
    assert!(wrong.contains("30 2 * * *"), "{wrong}");
    assert_eq!(scene.json("client show web1")[0]["spec"], expected);
}

#[test]
fn an_editor_changes_all_of_it_and_what_was_written_is_not_lost() {
    let scene = Scene::new();
    furnish(&scene);
    let edit = |script: &str| {
        let editor = scene.write("editor", script);
        let mut command = scene.command();
        command.args(["client", "edit", "web1"]).env("EDITOR", format!("sh {editor}")).env("TMPDIR", scene.path(""));
        command.output().unwrap()
    };
    let drafts = || {
        let names = std::fs::read_dir(scene.path("")).unwrap();
        names.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".yaml")).count()
    };
    assert_eq!(printed(0, &edit("sed -i s/2222/22/ \"$1\"")), "client web1 changed\n");
    assert_eq!(scene.json("client show web1")[0]["spec"]["connection"]["port"], 22);
    assert_eq!(printed(0, &edit("true")), "nothing was changed\n");
    assert_eq!(printed(0, &edit(": > \"$1\"")), "nothing was changed\n");
    assert_eq!(drafts(), 0);
    let wrong = sentence(1, &edit("echo quota: 5 >> \"$1\""));
    assert!(wrong.contains("quota") && wrong.contains("; what you wrote is kept in "), "{wrong}");
    let kept = wrong.rsplit(' ').next().unwrap();
    assert!(std::fs::read_to_string(kept).unwrap().ends_with("quota: 5\n"));
    let wrong = sentence(1, &edit("echo '[' >> \"$1\""));
    assert!(wrong.contains("no YAML"), "{wrong}");
    // Somebody else changes it while the editor is open.
    let program = env!("CARGO_BIN_EXE_holdfast");
    let wrong =
        sentence(1, &edit(&format!("{program} client edit web1 --set description=x -q\nsed -i s/22/23/ \"$1\"")));
    assert!(wrong.contains("changed") && wrong.contains("kept in"), "{wrong}");
    assert_eq!(scene.json("client show web1")[0]["spec"]["connection"]["port"], 22);
    assert!(sentence(1, &edit("exit 3")).contains("nothing was changed"));
}

#[test]
fn what_is_removed_is_gone_and_what_is_needed_stays() {
    let scene = Scene::new();
    furnish(&scene);
    let needed = scene.fails("client remove web1 --yes");
    assert!(needed.contains("policy web"), "{needed}");
    let asked = scene.fails("policy remove web");
    assert_eq!(asked, "Remove the policy web? There is nobody to ask: say --yes");
    assert_eq!(scene.say("policy remove web --yes"), "policy web removed\nits snapshots stay\n");
    for line in ["client remove web1 --yes", "schedule remove nightly --yes", "repository remove main --yes"] {
        scene.say(line);
    }
    assert!(scene.fails("client show web1").starts_with("there is no client named web1"));
}

#[test]
fn what_belongs_to_a_tenant_is_told_apart_by_it() {
    let scene = Scene::new();
    scene.ok(["tenant", "add", "Smith & Sons", "--overlap", "tenant"]);
    for tenant in ["Smith & Sons", "default"] {
        scene.ok(["client", "add", "web1", "--no-prepare", "--tenant", tenant]);
    }
    let list = scene.say("client list");
    assert!(list.contains("web1  Smith & Sons  web1") && list.contains("web1  default       web1"), "{list}");
    assert_eq!(scene.ok(["client", "list", "--tenant", "Smith & Sons"]).lines().count(), 4);
    let told = scene.fails("client show web1");
    assert_eq!(told, "2 tenants have a client named web1: say with --tenant whose is meant, or give its id");
    let client = scene.json("client show web1 --tenant default");
    assert_eq!(client[0]["tenant"], scene.json("tenant show default")[0]["id"]);
    assert!(scene.fails("client list --tenant jones").starts_with("there is no tenant named jones"));
}

#[test]
fn what_a_policy_keeps_is_seen_before_it_counts() {
    let scene = Scene::new();
    furnish(&scene);
    let said = scene.say("policy preview web --days 30 --keep-last 3");
    let rows: Vec<&str> = said.lines().filter(|line| line.starts_with("made up")).collect();
    assert_eq!(rows.len(), 3, "{said}");
    assert!(rows[0].starts_with("made up   2026-11-24 01:30:00  last snapshot"), "{said}");
    assert!(said.ends_with("\n3 snapshots of 30 stay, 27 go at once\n"), "{said}");
    let all = scene.say("policy preview web --days 30 --all");
    assert_eq!(all.lines().filter(|line| line.starts_with("made up")).count(), 30);
    let real = scene.say("policy preview web --client web1");
    assert!(real.ends_with("\n0 snapshots of 0 stay, 0 go at once\n"), "{real}");
    assert_eq!(scene.json("policy preview web --days 30")[0]["snapshots"].as_array().unwrap().len(), 30);
    assert!(scene.fails("policy preview web --days 0").contains("days"));
    scene.say("policy edit web --set schedule=null");
    assert!(scene.fails("policy preview web").contains("say when snapshots are made"));
}
