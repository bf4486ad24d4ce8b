//! Snapshots are listed, looked into and downloaded, and repositories are copied and proven: by the verbs, over the API.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use holdfast_model::job::JobKind;
use holdfast_testkit::{CompareOptions, Sshd, Tree, compare_trees};
use serde_json::{Value, json};

use super::objects::furnish;
use super::running::Running;
use super::scene::{Scene, lines, printed, sentence};

/// Unpacks what comes on standard input, and gives what lies there.
fn unpack(server: &Running, archive: &[u8], options: &[&str], into: &str) -> std::path::PathBuf {
    let there = server.dir.path().join(into);
    std::fs::create_dir(&there).unwrap();
    let mut tar = Command::new("tar").args(options).arg("-C").arg(&there).stdin(Stdio::piped()).spawn().unwrap();
    tar.stdin.take().unwrap().write_all(archive).unwrap();
    assert!(tar.wait().unwrap().success());
    there
}

#[test]
fn what_was_backed_up_is_looked_into_downloaded_copied_and_proven_by_the_verbs() {
    let Some(sshd) = Sshd::start() else { return };
    let server = Running::start();
    let tree = Tree::create(server.dir.path().join("source"));
    tree.random_file("etc/large", 3 << 20, 7).file("etc/hosts", "one").symlink("etc/link", "hosts");
    let source = tree.root().display().to_string();
    server.add_repository("main");
    server.add_repository("offsite");
    server.enrol(&sshd, "web1");
    server.ok(&format!("policy add web --path {source} --client web1 --repository main"));
    server.ok("policy run web --follow");
    tree.file("etc/hosts", "the second");
    server.ok("policy run web --follow");
    let wait = |kind: &str| {
        let jobs = lines(&server.ok(&format!("job list --kind {kind} --json")));
        jobs[0].as_array().unwrap().iter().for_each(|job| {
            server.ok(&format!("job log -f {}", job["id"].as_str().unwrap()));
        });
    };
    wait("catalog");

    let all = lines(&server.ok("snapshot list --json"));
    let all = all[0].as_array().unwrap();
    assert_eq!((all.len(), &all[0]["hostname"], &all[0]["complete"]), (2, &json!("web1"), &json!(true)));
    let (newest, oldest) = (all[0]["id"].as_str().unwrap(), all[1]["id"].as_str().unwrap());
    let shown = server.ok("snapshot list --client web1 --policy web -r main --limit 1");
    assert!(shown.contains(&newest[..8]) && shown.contains("  web     main  ") && shown.contains(&source), "{shown}");
    assert!(shown.ends_with("\n1 snapshot, and there are more: --limit shows them\n"), "{shown}");
    assert_eq!(server.ok("snapshot list -r offsite"), "0 snapshots\n");

    let shown = server.ok(&format!("snapshot files web1:{source}/etc"));
    assert_eq!(shown, ["hosts", "large", "link"].map(|name| format!("{source}/etc/{name}\n")).concat());
    let shown = server.ok(&format!("snapshot files {}:{source}/etc -l", &oldest[..8]));
    assert!(shown.contains(" 3145728 ") && shown.contains(&format!("{source}/etc/link -> hosts\n")), "{shown}");
    let listed = lines(&server.ok(&format!("snapshot files web1:{source}/etc --json")));
    assert_eq!((&listed[0]["name"], &listed[0]["size"]), (&json!("hosts"), &json!(10)));
    let missing = sentence(1, &server.run(&format!("snapshot files web1:{source}/nothing -q")));
    assert!(missing.contains("/source/nothing"), "{missing}");

    let versions = server.ok(&format!("snapshot versions web1:{source}/etc/hosts"));
    let (first, second) = (versions.find(" 10 B  "), versions.find(" 3 B  "));
    assert!(first.is_some() && first < second && versions.ends_with("\n2 versions\n"), "{versions}");
    let versions = lines(&server.ok(&format!("snapshot versions web1:{source}/etc/large -r main --policy web --json")));
    assert_eq!((versions[0].as_array().unwrap().len(), &versions[0][0]["newest"]["id"]), (1, &json!(newest)));

    let large = std::fs::read(tree.path("etc/large")).unwrap();
    let raw = server.run(&format!("snapshot download web1:{source}/etc/large"));
    assert!(raw.status.success() && raw.stdout == large, "{}", String::from_utf8_lossy(&raw.stderr));
    let said = server.ok(&format!("snapshot download {}:{source}/etc/hosts --output hosts", &oldest[..8]));
    assert_eq!(said, format!("hosts: 3 B of snapshot {}\n", &oldest[..8]));
    assert_eq!(std::fs::read_to_string(server.dir.path().join("hosts")).unwrap(), "one");
    // It is replaced when all has come; the link that leads to it stays one.
    std::os::unix::fs::symlink("hosts", server.dir.path().join("linked")).unwrap();
    let told = lines(&server.ok(&format!("snapshot download web1:{source}/etc/hosts --output linked --force --json")));
    assert_eq!(told.last().unwrap()["bytes"], 10);
    assert_eq!(std::fs::read_to_string(server.dir.path().join("hosts")).unwrap(), "the second");
    assert!(server.dir.path().join("linked").is_symlink());
    let archive = server.run(&format!("snapshot download web1:{source}/etc"));
    let there = unpack(&server, &archive.stdout, &["--zstd", "-x"], "zst");
    let same = |there: &Path| {
        let found = there.join(source.trim_start_matches('/')).join("etc");
        assert_eq!(compare_trees(tree.path("etc"), found, &CompareOptions::default()), []);
    };
    same(&there);
    server.ok("snapshot download web1 --format tar --output all.tar");
    same(&unpack(&server, &std::fs::read(server.dir.path().join("all.tar")).unwrap(), &["-x"], "tar"));
    // The ending says the form; of a file that is an archive itself it says nothing.
    server.ok(&format!("snapshot download web1:{source}/etc --output etc.zip"));
    assert!(std::fs::read(server.dir.path().join("etc.zip")).unwrap().starts_with(b"PK"));
    server.ok(&format!("snapshot download web1:{source}/etc/hosts --output hosts.tar"));
    assert_eq!(std::fs::read(server.dir.path().join("hosts.tar")).unwrap().len() % 512, 0);
    let left: Vec<_> = std::fs::read_dir(server.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".holdfast")), "{left:?}");

    let said = server.ok("repository copy main --to offsite --client web1 --newest");
    assert!(said.contains("copy of main: succeeded") && said.contains(", 1 of 1 snapshot copied, "), "{said}");
    let said = server.ok("repository copy main --to offsite");
    assert!(said.contains(", 1 of 2 snapshots copied, the others were there"), "{said}");
    let copies = lines(&server.ok("snapshot list -r offsite --json"));
    assert_eq!(copies[0].as_array().unwrap().len(), 2);
    let said = server.ok("repository verify offsite");
    assert!(said.contains("verify of offsite: succeeded"), "{said}");
    let shown = server.ok("repository show offsite");
    assert!(shown.contains("\nVerified  ") && !shown.contains("\nVerified    never"), "{shown}");
    let shown = server.ok("client show web1");
    assert!(shown.contains("\nProven ") && shown.contains("2 files"), "{shown}");
    let said = server.ok("repository catalog offsite");
    assert!(said.contains("catalog of offsite: succeeded"), "{said}");
}

/// A server that knows one snapshot and no client, and whose download is this.
fn gives(download: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let uid = "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41";
    let snapshot = json!({
        "repository": uid, "id": "ab".repeat(32), "tenant": uid, "client": null, "policy": null, "job": null,
        "at": "2026-11-24T02:30:04Z", "complete": true, "hostname": "web1", "paths": [], "tags": [], "files": null,
        "bytes": null, "bytes_added": null,
    });
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).unwrap_or_default();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let list = |items: &[&Value]| {
                let body = json!({"items": items, "next_cursor": null}).to_string();
                let length = body.len();
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
            };
            let answer = match request.split(' ').nth(1).unwrap_or_default() {
                path if path.contains("/download") => download.to_owned(),
                path if path.starts_with("/api/v1/snapshots?") => list(&[&snapshot]),
                _ => list(&[]),
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_download_that_breaks_off_is_no_file() {
    let scene = Scene::new();
    let there = scene.write("there", "what was there before");
    for broken in [
        "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 100\r\n\r\nnot all",
        "HTTP/1.1 200 OK\r\ncontent-type: application/zstd\r\ntransfer-encoding: chunked\r\n\r\n7\r\nnot all\r\n",
    ] {
        let url = gives(broken);
        for output in ["there", "new"] {
            let said = scene.fails(&format!("snapshot download abab --server {url} -o {output} --force -q"));
            assert!(said.starts_with("the download broke off after 7 B, and is not whole"), "{said}");
        }
        // What went to standard output cannot be taken back: the exit code tells.
        let said = scene.run(["snapshot", "download", "abab", "--server", &url]);
        assert_eq!((said.status.code(), &said.stdout[..]), (Some(1), &b"not all"[..]));
        assert_eq!(std::fs::read_to_string(&there).unwrap(), "what was there before");
        assert!(!scene.path("new").exists());
    }
    let names = std::fs::read_dir(scene.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with(".holdfast")), "nothing else is left");
}

#[test]
fn an_archive_is_not_written_to_a_terminal_and_a_file_is() {
    let scene = Scene::new();
    let on_terminal = |url: &str, more: &str| {
        let program = env!("CARGO_BIN_EXE_holdfast");
        let line = format!("{program} snapshot download abab --server {url} {more} 2>/dev/null");
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).env_remove("HOLDFAST_SERVER");
        script.output().ok().map(|output| (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned()))
    };
    let archive = gives("HTTP/1.1 200 OK\r\ncontent-type: application/zstd\r\ncontent-length: 3\r\n\r\nxyz");
    let Some((code, shown)) = on_terminal(&archive, "") else { return };
    assert_eq!((code, shown.as_str()), (Some(1), ""), "what it is shows in the answer");
    assert_eq!(on_terminal(&archive, "--format tar").unwrap().0, Some(1));
    let raw = gives("HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 3\r\n\r\nxyz");
    assert_eq!(on_terminal(&raw, "").unwrap(), (Some(0), "xyz".to_owned()));
    let said = scene.run(["snapshot", "download", "abab", "--server", &archive]);
    assert_eq!(printed(0, &said), "xyz", "no terminal, no objection");
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_done() {
    let scene = Scene::new();
    furnish(&scene);
    let jobs = scene.jobs().len();
    scene.write("file", "");
    for (line, says) in [
        ("snapshot files web1", "there is no snapshot of web1"),
        ("snapshot files web1 -r main", "there is no snapshot of web1 in this repository"),
        ("snapshot files web1 -r nowhere", "there is no repository named nowhere"),
        ("snapshot files nobody", "there is no client named nobody"),
        ("snapshot files abcd12", "there is no client named abcd12, and no snapshot begins with it"),
        ("snapshot files web1:etc", "\"etc\" is no path in a snapshot"),
        ("snapshot versions web1", "\"web1\" names no file of a client: write CLIENT:PATH"),
        ("snapshot versions web1:etc", "\"web1:etc\" names no file of a client"),
        ("snapshot versions nobody:/etc", "there is no client named nobody"),
        ("snapshot download web1 -o .", ". is a directory: name a file in it"),
        ("snapshot download web1 -o /dev/null", "/dev/null is no file that can be replaced"),
        ("snapshot download web1 -o file", "file is there already: name another file, or say --force"),
        ("snapshot download web1 -o nowhere/file", "cannot write a file in nowhere"),
        ("snapshot download web1 -o file --format rar", "invalid value 'rar'"),
        ("snapshot list --client nobody", "there is no client named nobody"),
        ("repository copy main --to nowhere", "there is no repository named nowhere"),
        ("repository copy main --to main", "it is the repository that is copied from"),
        ("repository copy main --to main --client nobody", "there is no client named nobody"),
        ("repository verify nowhere", "there is no repository named nowhere"),
        ("repository prepare main --chunker rabin", "--init"),
    ] {
        let said = scene.fails(line);
        assert!(said.contains(says), "{line}: {said}");
    }
    assert_eq!(scene.jobs().len(), jobs, "nothing was made");
    let said = scene.run(["snapshot", "download", "web1", "--json"]);
    assert_eq!(said.status.code(), Some(1));
    let said = lines(&String::from_utf8(said.stderr).unwrap());
    assert!(said[0]["message"].as_str().unwrap().contains("name one with --output FILE"), "{said:?}");
}

#[test]
fn a_repository_is_made_with_the_chunker_that_is_asked_for() {
    let scene = Scene::new();
    scene.say("repository add main /srv --password-source env:X --no-prepare");
    let child = scene.start("repository prepare main --init --chunker rabin");
    let job = scene.begin_next();
    assert_eq!((job.kind, &job.parameters["as_restic"]), (JobKind::Prepare, &json!(true)), "{:?}", job.parameters);
    scene.end(job, holdfast_model::job::JobStatus::Succeeded, Default::default());
    printed(0, &child.wait_with_output().unwrap());
}
