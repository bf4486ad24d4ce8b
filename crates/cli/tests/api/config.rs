//! The whole configuration as one text: printed, and applied.

use holdfast_model::job::JobKind;
use serde_json::json;

use super::objects::furnish;
use super::scene::{Scene, sentence};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

/// All that can be configured, of two tenants, as it is exported.
const ALL: &str = "\
# The configuration of a Holdfast server: `holdfast apply -f FILE` makes a server what it says.
version: 1
tenants:
  - name: Smith & Sons
    overlap: tenant
  - name: default
schedules:
  - tenant: Smith & Sons
    name: nightly
    cron: \"@daily\"
  - name: nightly
    cron: 30 2 * * *
    jitter_seconds: 600
    time_zone: Europe/Berlin
repositories:
  - name: main
    credentials:
      AWS_ACCESS_KEY_ID: env:KEY_ID
    maintenance:
      prune: null
    password: sealed:main
    uri: s3:https://s3.example.net/bucket
clients:
  - tenant: Smith & Sons
    hostname: web1
  - hostname: db1
    enabled: false
  - hostname: web1
    accepted_host_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
    connection:
      port: 2222
      user: root
    tags:
      - prod
policies:
  - name: web
    client_tags:
      - prod
    clients:
      - web1
    repository: main
    retention:
      daily: 7
    schedule: nightly
    work:
      type: folders
      paths:
        - /etc
settings:
  jobs_at_once: 8
  retention:
    daily: 3
";

fn export(scene: &Scene) -> String {
    scene.say("export")
}

#[test]
fn an_exported_file_applied_on_an_empty_server_gives_the_same_file() {
    let first = Scene::new();
    let file = first.write("holdfast.yaml", ALL);
    let said = first.say(&format!("apply -f {file} --yes"));
    let missing =
        "! secret main is not there, which the repository main needs: `holdfast secret set main` hands it over\n";
    assert!(
        said.contains(&format!("8 to add, 1 to change, 0 to remove\n{missing}9 of 9 changes were made\n")),
        "{said}"
    );
    assert!(said.ends_with("`holdfast secret set main`, then `holdfast repository prepare main`\n"), "{said}");
    let plan = &first.json(&format!("apply -f {file} --diff"))[0];
    assert_eq!(plan["missing_secrets"], json!([{ "name": "main", "repositories": ["main"] }]));
    let secret = first.write("secret", "hunter2");
    first.say(&format!("secret set main --file {secret}"));
    let exported = export(&first);
    assert_eq!(exported, ALL, "as it was written, in the same order");
    let nothing = "nothing to do: the server is as the file says\n";
    assert_eq!(first.say(&format!("apply -f {file} --yes --prune")), nothing, "a second time changes nothing");
    let second = Scene::new();
    let file = second.write("holdfast.yaml", &exported);
    second.say(&format!("apply -f {file} --yes --prune"));
    assert_eq!(export(&second), exported);
    // What is furnished by hand comes through as well.
    let third = Scene::new();
    furnish(&third);
    let fourth = Scene::new();
    let file = fourth.write("holdfast.yaml", &export(&third));
    fourth.say(&format!("apply -f {file} --yes"));
    assert_eq!(export(&fourth), export(&third));
    assert_eq!(first.json("export")[0]["clients"][2]["accepted_host_keys"][0], KEY);
}

#[test]
fn what_changes_is_shown_field_by_field_before_it_does() {
    let scene = Scene::new();
    let file = scene.write("holdfast.yaml", ALL);
    scene.say(&format!("apply -f {file} --yes"));
    let changed = ALL
        .replace("      port: 2222\n", "      port: 22\n")
        .replace("  - hostname: db1\n    enabled: false\n", "  - hostname: db2\n    tags: [db]\n")
        .replace("  jobs_at_once: 8\n", "")
        .replace(KEY, &KEY.replace("GKJl", "GKJm"));
    let file = scene.write("holdfast.yaml", &changed);
    let before = export(&scene);
    let shown = "\
+ client db2
    hostname: db2
    tags:
      - db
~ client web1
    connection.port: 2222 → 22
- client db1
~ client web1
    - host key ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU
    + host key ssh-ed25519 SHA256:VNXAQ1+eFGVhXfXGFQCIIXXXXXXXXXXXXXXXXXXXXXX
~ settings
    jobs_at_once: 8 → nothing
1 to add, 3 to change, 1 to remove
! secret main is not there, which the repository main needs: `holdfast secret set main` hands it over
";
    let said = scene.say(&format!("apply -f {file} --diff --prune"));
    let without_new_key = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with("    + host key")).map(str::to_owned).collect()
    };
    assert_eq!(without_new_key(&said), without_new_key(shown));
    let asked = scene.fails(&format!("apply -f {file} --prune"));
    assert_eq!(asked, "Do all this? There is nobody to ask: say --yes");
    assert_eq!(export(&scene), before, "nothing was done");
    let report = scene.json(&format!("apply -f {file} --diff --prune"));
    assert_eq!(report[0]["changed"][0]["fields"][0]["field"], "connection.port");
    assert_eq!(report[0]["removed"][0]["name"], "db1");
    // Without --prune what is not named stays.
    let said = scene.say(&format!("apply -f {file} --yes"));
    assert!(said.contains("1 to add, 2 to change, 0 to remove"), "{said}");
    let said = scene.say(&format!("apply -f {file} --yes --prune"));
    assert!(said.contains("- client db1\n") && said.contains("2 of 2 changes were made\n"), "{said}");
    let said = scene.say(&format!("apply -f {file} --yes --prune"));
    assert!(said.starts_with("nothing to do: the server is as the file says\n! secret main is not there"), "{said}");
}

#[test]
fn everything_goes_but_the_default_tenant() {
    let scene = Scene::new();
    let file = scene.write("holdfast.yaml", ALL);
    scene.say(&format!("apply -f {file} --yes"));
    // What an export that failed leaves behind, and what says nothing either.
    let before = export(&scene);
    for text in ["", "# nothing\n", "null", "{}", "policies:\n", "settings: {}"] {
        let file = scene.write("holdfast.yaml", text);
        for more in ["--prune --yes", "--yes", "--diff"] {
            let said = scene.fails(&format!("apply -f {file} {more}"));
            assert!(
                said.contains("a configuration begins with `version: 1`, as `holdfast export` writes it"),
                "{said}"
            );
        }
    }
    assert_eq!(export(&scene), before);
    let file = scene.write("holdfast.yaml", "version: 1\n");
    assert_eq!(scene.say(&format!("apply -f {file} --yes")), "nothing to do: the server is as the file says\n");
    scene.say(&format!("apply -f {file} --yes --prune"));
    assert!(export(&scene).ends_with("version: 1\ntenants:\n  - name: default\n"));
}

#[test]
fn what_is_wrong_with_a_file_is_told_before_anything_is_changed() {
    let scene = Scene::new();
    furnish(&scene);
    let before = export(&scene);
    for (text, says) in [
        ("a: [", "is no YAML"),
        ("- x", "tenants, schedules"),
        ("client: []", "there is no part client in a configuration; is clients meant?"),
        ("whatever: []", "there are version, tenants"),
        ("version: 2", "version 1"),
        ("clients: web1", "clients must be a list"),
        ("clients: [web1]", "clients, number 1: it must have fields"),
        ("clients: [{hostname: web1}, {hostname: web1}]", "web1 is there twice"),
        ("clients: [{hostname: web1, quota: 5}]", "clients, number 1 (web1): unknown field `quota`"),
        ("clients: [{hostname: web1, accepted_host_keys: [x]}]", "accepted_host_keys"),
        ("clients: [{hostname: web1, tenant: jones}]", "belongs to the tenant jones"),
        ("schedules: [{name: n, cron: never}]", "schedules, number 1 (n): \"never\" is not a cron expression"),
        ("repositories: [{name: r, uri: /srv, password: hunter2}]", "env:NAME"),
        ("policies: [{name: p, work: {type: config}, repository: none}]", "policy p names the repository none"),
        ("settings: {jobs_at_once: 0}", "settings: "),
        ("settings: {jobs: 1}", "settings: unknown field `jobs`"),
        ("settings: 5", "settings must have names"),
    ] {
        // What is wrong with the version comes first.
        let text = if text.starts_with(['v', 'a', '-']) { text.to_owned() } else { format!("version: 1\n{text}") };
        let file = scene.write("holdfast.yaml", &text);
        let said = scene.fails(&format!("apply -f {file} --yes"));
        assert!(said.contains(says) && !said.contains("hunter2"), "{text}: {said}");
    }
    assert!(scene.fails("apply -f none.yaml").contains("cannot read none.yaml"));
    assert_eq!(export(&scene), before);
    // A reference that only --prune would take away.
    let policy = "version: 1\npolicies: [{name: p, work: {type: config}, repository: main}]";
    let file = scene.write("holdfast.yaml", policy);
    assert!(scene.fails(&format!("apply -f {file} --yes --prune")).contains("repository main"));
    assert!(scene.say(&format!("apply -f {file} --yes")).contains("+ policy p\n"));
}

#[test]
fn a_change_that_fails_says_how_far_it_came() {
    let scene = Scene::new();
    furnish(&scene);
    // What only the server can judge.
    let text =
        "version: 1\nschedules: [{name: new, cron: '@daily'}]\nclients: [{hostname: web9, connection: {address: -x}}]";
    let file = scene.write("holdfast.yaml", text);
    let said = sentence(1, &scene.run(["apply", "-f", &file, "-q", "--yes"]));
    assert!(said.starts_with("only 1 of 2 changes were made: the client web9: spec.connection: "), "{said}");
    let again = scene.say("schedule list");
    assert!(again.contains("new"), "{again}");
}

#[test]
fn repositories_that_are_new_or_elsewhere_are_looked_into() {
    let scene = Scene::new();
    let text = |place: &str, more: &str| {
        format!(
            "version: 1\nrepositories:\n  - {{name: main, uri: {place}, password: 'env:P'{more}}}\n  \
             - {{name: off, uri: /srv/off, password: 'env:P', enabled: false}}\n"
        )
    };
    let apply = |text: String| {
        let file = scene.write("holdfast.yaml", &text);
        scene.say(&format!("apply -f {file} --yes"))
    };
    let looks = || scene.jobs().into_iter().filter(|job| job.kind == JobKind::Prepare).count();
    let said = apply(text("/srv/one", ""));
    assert!(
        said.contains("jobs look into what is new: main; `holdfast repository list` shows what they find"),
        "{said}"
    );
    let job = scene.begin_next();
    assert_eq!((job.kind, &job.parameters["create"]), (JobKind::Prepare, &json!(false)), "nothing is made by itself");
    assert_eq!(looks(), 1, "what is disabled is left alone");
    assert!(!apply(text("/srv/one", ", description: x")).contains("look into"), "it is where it was");
    assert_eq!(looks(), 1);
    assert!(apply(text("/srv/two", "")).contains("jobs look into what is new: main; "));
    assert_eq!(looks(), 2);
    // Until somebody has looked, that is why it is not ready.
    let shown = scene.say("repository show main");
    assert!(shown.contains("Problem  ") && shown.contains("nobody has looked into it yet"), "{shown}");
}
