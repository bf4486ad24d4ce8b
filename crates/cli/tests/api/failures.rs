//! Whatever goes wrong on the way to a server or there, it is one sentence that says what and what to do.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::objects::furnish;
use super::scene::{Scene, sentence};

/// Answers every request with this, and gives its address.
pub(crate) fn somebody_else(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    format!("http://{address}")
}

#[test]
fn where_no_server_answers_it_is_told_how_to_start_one() {
    let scene = Scene::new();
    for verb in ["client list", "status", "export", "job list", "login http://127.0.0.1:1"] {
        let mut command = scene.command();
        command.args(verb.split(' ')).env("HOLDFAST_SERVER", "http://127.0.0.1:1");
        let said = sentence(1, &command.output().unwrap());
        let expected = "no server answers at http://127.0.0.1:1: Connection refused (os error 111); start one with `holdfast \
                        serve`, or say with --server where it is";
        assert_eq!(said, expected, "{verb}");
    }
    let said = scene.fails("client list --server http://nobody.invalid");
    assert!(said.starts_with("no server answers at http://nobody.invalid: "), "{said}");
}

#[test]
fn what_is_no_server_of_ours_is_told_apart() {
    let scene = Scene::new();
    for (answer, says) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"[..], "does not answer as expected"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nhello", "it answers 404 Not Found"),
        (b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n", "it answers 302 Found"),
        (b"SSH-2.0-OpenSSH_10.0\r\n", "it does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", "does not answer as expected"),
    ] {
        let address = somebody_else(answer);
        let said = scene.fails(&format!("client list --server {address}"));
        let expected = format!("what answers at {address} is no server of Holdfast, or one of another version: ");
        assert!(said.starts_with(&expected) && said.contains(says), "{said}");
    }
    for address in ["ftp://host", "http://ann:secret@host", "/srv", "http://host/?x"] {
        let said = scene.fails(&format!("client list --server {address}"));
        assert!(said.contains("write it as http://127.0.0.1:8420"), "{said}");
    }
}

#[test]
fn what_the_server_refuses_is_told_in_its_words() {
    let scene = Scene::new();
    furnish(&scene);
    let nobody = "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41";
    for (line, says) in [
        ("client show web", "there is no client named web; is web1 meant?"),
        ("client show nobody", "there is no client named nobody"),
        (&format!("client show {nobody}"), nobody),
        ("client add web1 --no-prepare", "web1"),
        ("client add -- -x", "-x"),
        ("client add web2 --tag a,b --no-prepare", "without blanks and commas"),
        ("client add web2 --port 0", "--port"),
        ("schedule add x never", "30 2 * * *"),
        ("schedule add x @daily --time-zone Berlin", "Europe/Berlin"),
        ("policy add p --path /etc", "say with --repository"),
        ("policy add p --repository main", "say with --path"),
        ("policy add p --repository main --path etc", "absolute path"),
        ("policy add p --repository main --type config --path /etc", "--path goes with the type folders"),
        ("policy add p --repository none --type config", "repository none"),
        ("policy add p --repository main --type config --keep-daily many", "--keep-daily"),
        ("policy show", "required arguments were not provided: <NAME>"),
        ("job show 5", "an id looks like"),
        (&format!("job log {nobody}"), nobody),
        (&format!("job retry {nobody}"), nobody),
        ("job list --status done", "there are queued, blocked"),
        ("job list --limit 0", "--limit"),
        ("client edit web1", "set EDITOR"),
        ("client edit web1 --set port", "FIELD=VALUE"),
    ] {
        let said = scene.fails(line);
        assert!(said.contains(says), "{line}: {said}");
    }
    let output = scene.run(["client", "list", "--json", "--server", "http://x y"]);
    let event: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((output.status.code(), &event["message_type"]), (Some(1), &"exit_error".into()));
    assert!(event["message"].as_str().unwrap().contains("write it as"), "{event}");
}
