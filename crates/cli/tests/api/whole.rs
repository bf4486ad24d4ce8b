//! From an empty server to a snapshot, as an administrator goes: by the verbs alone, with a real server and a real host.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use holdfast_testkit::{Restic, Sshd, Tree};

use super::running::{Running, fingerprint};
use super::scene::{lines, sentence};

#[test]
fn a_host_is_enrolled_and_backed_up_by_the_verbs_alone() {
    let Some(sshd) = Sshd::start() else { return };
    let server = Running::start();
    let dir = server.dir.path();
    Tree::create(dir.join("source")).file("file", "hello").file("file.log", "x");
    let repository = dir.join("repository").display().to_string();
    let missing = sentence(1, &server.run(&format!("repository add main {repository} -q -p password")));
    assert!(missing.contains("prepare of main failed") && missing.contains("or make the repository"), "{missing}");
    let said = server.ok("repository prepare main --init");
    assert!(said.contains("prepare of main: succeeded"), "{said}");

    let (port, user, key) = (sshd.port(), sshd.user(), sshd.client_key().display().to_string());
    let add = format!("client add web1 --address 127.0.0.1 --port {port} --user {user} --identity-file {key}");
    let asked = sentence(1, &server.run(&format!("{add} -q")));
    let fingerprint = fingerprint(&sshd);
    assert!(asked.contains(&fingerprint) && asked.contains("--accept-key"), "{asked}");
    let asked = lines(&server.ok("job list --kind prepare --json"))[0][0]["id"].as_str().unwrap().to_owned();
    let log = server.ok(&format!("job log {asked}"));
    assert!(log.contains(&format!(" {}/api/v1/clients/", server.url)), "the port that was found, not 0: {log}");
    let said = server.ok(&format!("client prepare web1 --accept-key {fingerprint}"));
    assert!(said.ends_with('\n') && said.contains("prepare of web1: succeeded"), "{said}");

    // Searching what was backed up is another matter.
    server.ok("settings set catalog=false");
    server.ok("schedule add yearly @yearly");
    let source = dir.join("source").display().to_string();
    server.ok(&format!(
        "policy add web --path {source} --client web1 --repository main --schedule yearly --exclude *.log --keep-last 3"
    ));
    let said = server.ok("policy run web --follow");
    assert!(said.contains("backup of web1: succeeded"), "{said}");
    let jobs = lines(&server.ok("job list --kind backup --json"));
    let backup = jobs[0][0].clone();
    assert_eq!((&backup["status"], &backup["outcome"]["files"]), (&"succeeded".into(), &1.into()), "{backup}");
    let log = server.ok(&format!("job log {}", backup["id"].as_str().unwrap()));
    assert!(!log.is_empty());
    if let Some(restic) = Restic::new(&repository, "correct horse") {
        let snapshots = restic.ok(["snapshots", "--json"]);
        assert!(snapshots.contains("\"hostname\":\"web1\""), "{snapshots}");
        restic.check_read_data();
    }
    assert!(server.ok("repository check main --read-data").contains("check of main: succeeded"));
    assert!(server.ok("repository list").contains(" yes "), "{}", server.ok("repository list"));

    // What cannot be backed up is told, and the exit code says so too.
    server.ok("policy edit web --set work.paths=[/no/such/place]");
    let failed = server.run("policy run web --follow");
    assert!(matches!(failed.status.code(), Some(1)), "{failed:?}");
    let job = lines(&server.ok("job list --status failed --kind backup --json"));
    let id = job[0][0]["id"].as_str().unwrap().to_owned();
    let shown = server.ok(&format!("job show {id}"));
    assert!(shown.contains("\nWhat to do  ") && shown.contains("none of the paths"), "{shown}");

    // The whole of it moves to another server as one file, but for the secrets.
    let exported = server.ok("export");
    let other = Running::start();
    std::fs::write(other.dir.path().join("holdfast.yaml"), &exported).unwrap();
    other.ok("apply -f holdfast.yaml --yes");
    assert_eq!(other.ok("export"), exported);
}

#[test]
fn whoever_watches_a_job_waits_for_a_server_that_is_started_anew() {
    let mut server = Running::start();
    server.ok("client add web1 --no-prepare");
    server.ok("repository add main /srv --no-prepare --password-source env:X");
    server.ok("policy add web --type config --client web1 --repository main");
    // No time of the week is in both, so that its jobs wait.
    server.ok("policy edit web --set windows.pause=[00:00-24:00]");
    let jobs = lines(&server.ok("policy run web --json"));
    let jobs = jobs[0]["jobs"].as_array().unwrap();
    let job = jobs.iter().find(|job| job["kind"] == "backup").unwrap()["id"].as_str().unwrap().to_owned();
    let mut follow = Running::program(&server.dir);
    follow.env("HOLDFAST_SERVER", &server.url).args(["job", "log", "-f", &job]);
    let mut follow = follow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(follow.stderr.take().unwrap());
    let mut line = String::new();
    // What it waits for: by then it is watched.
    let mut shown = BufReader::new(follow.stdout.take().unwrap());
    shown.read_line(&mut line).unwrap();
    assert!(line.starts_with("waits for "), "{line}");
    line.clear();
    server.start_anew(|| {
        said.read_line(&mut line).unwrap();
    });
    assert_eq!(line, "the server does not answer: waiting for it\n");
    server.ok(&format!("job cancel {job}"));
    let mut last = String::new();
    said.read_line(&mut last).unwrap();
    assert_eq!(follow.wait().unwrap().code(), Some(1), "{last}");
    assert!(last.contains("web1 cancelled"), "{last}");
}
