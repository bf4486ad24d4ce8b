//! The driver for REST servers, against restic's own and against servers that lie.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use holdfast_model::Id;
use holdfast_store::contract::{self, Strength};
use holdfast_store::{ErrorKind, FileKind, Place, RestStore, Secret, Store, Tls};
use holdfast_testkit::{Tool, temp_dir};

use crate::servers::{Server, chain, free_port, require};

/// Restic's server answers the deletion of nothing with 200, and of several uploads of one name at the same moment it
/// may take more than one.
const STRENGTH: Strength = Strength { noticed_removal: false, exclusive_put: false };

fn store(url: &str, tls: &Tls) -> RestStore {
    let Place::Rest(place) = format!("rest:{url}").parse().unwrap() else { panic!("{url} is not REST") };
    RestStore::new(&place, None, tls, 5).unwrap()
}

/// Restic's REST server on a port; without it the test is skipped and must return.
fn server(dir: &Path, options: &[&str]) -> Option<(Server, u16)> {
    let program = Tool::RestServer.require()?;
    Some(Server::on_free_port(|port| {
        let mut command = Command::new(&program);
        command.arg("--path").arg(dir).args(["--listen", &format!("127.0.0.1:{port}")]).args(options);
        command
    }))
}

fn id(first: u8) -> Id {
    Id::new([first; 32])
}

#[test]
fn restics_server_keeps_the_contract() {
    let dir = temp_dir();
    let Some((_server, port)) = server(dir.path(), &["--no-auth", "--no-verify-upload"]) else { return };
    contract::run(&store(&format!("http://127.0.0.1:{port}/deep/repo"), &Tls::default()), STRENGTH);
    assert!(dir.path().join("deep/repo/snapshots").is_dir());
}

#[test]
fn a_socket_serves_as_a_port_does() {
    let dir = temp_dir();
    let Some(program) = Tool::RestServer.require() else { return };
    let socket = dir.path().join("rest.sock");
    let mut command = Command::new(program);
    command.arg("--path").arg(dir.path()).args(["--no-auth", "--no-verify-upload"]);
    command.args(["--listen", &format!("unix:{}", socket.display())]);
    let _server = Server::on_socket(&mut command, &socket);
    let store = store(&format!("http+unix://{}:/repo/", socket.display()), &Tls::default());
    contract::run(&store, STRENGTH);
}

#[test]
fn user_and_password_are_sent_and_never_shown() {
    let dir = temp_dir();
    std::fs::write(dir.path().join(".htpasswd"), "ann:{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=\n").unwrap();
    let Some((_server, port)) = server(dir.path(), &["--no-verify-upload"]) else { return };
    let right = store(&format!("http://ann:correct%20horse@127.0.0.1:{port}/"), &Tls::default());
    right.create().unwrap();
    right.put(FileKind::Key, &id(1), &[b"x"]).unwrap();
    assert!(!right.location().contains("horse") && !format!("{right:?}").contains("horse"));

    let wrong = store(&format!("http://ann:hunter2@127.0.0.1:{port}/"), &Tls::default());
    for error in [wrong.create().unwrap_err(), wrong.put(FileKind::Key, &id(2), &[b"x"]).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(!chain(&error).contains("hunter2"), "{}", chain(&error));
    }
    assert_eq!(wrong.list(FileKind::Key).unwrap_err().kind(), ErrorKind::Denied);

    let Place::Rest(place) = format!("rest:http://127.0.0.1:{port}/").parse().unwrap() else { panic!() };
    let login = Some(("ann".to_owned(), Secret::new("correct horse")));
    let given = RestStore::new(&place, login, &Tls::default(), 5).unwrap();
    assert_eq!(given.list(FileKind::Key).unwrap().len(), 1);
}

#[test]
fn a_server_that_verifies_takes_only_files_named_by_their_content() {
    let dir = temp_dir();
    let Some((_server, port)) = server(dir.path(), &["--no-auth"]) else { return };
    let store = store(&format!("http://127.0.0.1:{port}/"), &Tls::default());
    store.create().unwrap();
    assert!(store.put(FileKind::Pack, &id(1), &[b"abc"]).is_err());
    assert_eq!(store.list(FileKind::Pack).unwrap(), []);
    let named: Id = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".parse().unwrap();
    store.put(FileKind::Pack, &named, &[b"a", b"bc"]).unwrap();
    assert_eq!(store.read(FileKind::Pack, &named).unwrap(), b"abc"[..]);
}

#[test]
fn an_append_only_server_denies_deletion_and_a_full_one_says_so() {
    let dir = temp_dir();
    let options = ["--no-auth", "--no-verify-upload", "--append-only", "--max-size", "100000"];
    let Some((_server, port)) = server(dir.path(), &options) else { return };
    let store = store(&format!("http://127.0.0.1:{port}/"), &Tls::default());
    store.create().unwrap();
    store.put(FileKind::Pack, &id(1), &[b"x"]).unwrap();
    assert_eq!(store.remove(FileKind::Pack, &id(1)).unwrap_err().kind(), ErrorKind::Denied);
    let error = store.put(FileKind::Pack, &id(2), &[&vec![0; 200_000]]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{}", chain(&error));
    assert_eq!(store.list(FileKind::Pack).unwrap().len(), 1);
}

#[test]
fn a_certificate_is_checked_against_the_authorities_given() {
    let dir = temp_dir();
    let (certificate, key) = (dir.path().join("public_key"), dir.path().join("private_key"));
    let Some(openssl) = require("openssl") else { return };
    let made = Command::new(openssl)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let options = ["--no-auth", "--no-verify-upload", "--tls", "--tls-cert", certificate.to_str().unwrap()];
    let options = [&options[..], &["--tls-key", key.to_str().unwrap()]].concat();
    let Some((_server, port)) = server(dir.path(), &options) else { return };
    let url = format!("https://127.0.0.1:{port}/repo");

    let trusted = store(&url, &Tls { authorities: Some(certificate.clone()), ..Tls::default() });
    trusted.create().unwrap();
    trusted.put(FileKind::Lock, &id(1), &[b"x"]).unwrap();
    let careless = store(&url, &Tls { insecure: true, ..Tls::default() });
    assert_eq!(careless.list(FileKind::Lock).unwrap().len(), 1);
    let error = store(&url, &Tls::default()).list(FileKind::Lock).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permanent, "{}", chain(&error));
    assert!(chain(&error).contains("certificate"), "{}", chain(&error));

    let Place::Rest(place) = format!("rest:{url}").parse().unwrap() else { panic!() };
    let missing = Tls { authorities: Some(dir.path().join("none")), ..Tls::default() };
    let error = RestStore::new(&place, None, &missing, 5).unwrap_err();
    assert!(chain(&error).contains("cannot read the certificates"), "{}", chain(&error));
}

#[test]
fn a_server_that_is_not_there_may_come_back() {
    let store = store(&format!("http://127.0.0.1:{}/", free_port()), &Tls::default());
    let error = store.list(FileKind::Pack).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transient);
    assert!(chain(&error).contains("refused"), "{}", chain(&error));
}

/// A server that gives one answer to every request, whatever was asked.
fn liar(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let _ = reader.take(length).read_to_end(&mut Vec::new());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/vnd.x.restic.rest.v2\r\n";

fn lie(answer: String) -> RestStore {
    store(&liar(answer.leak()), &Tls::default())
}

#[test]
fn a_listing_that_is_cut_short_is_an_error() {
    let row = format!("{{\"name\":\"{}\",\"size\":7}}", id(1));
    let whole = lie(format!("{OK}\r\n[{row},{{\"name\":\"foreign\",\"size\":1}}]"));
    assert_eq!(whole.list(FileKind::Pack).unwrap().len(), 1);
    for cut in [format!("[{row}"), format!("[{row},"), String::new(), "{}".to_owned(), format!("[{row}] x")] {
        let error = lie(format!("{OK}\r\n{cut}")).list(FileKind::Pack).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Transient), "{cut}: {error:?}");
    }
    let error = lie(format!("{OK}Content-Length: 5000\r\n\r\n[{row}]")).list(FileKind::Pack).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Transient), "{error:?}");
    assert_eq!(lie(format!("{OK}\r\nnull")).list(FileKind::Pack).unwrap(), []);
}

#[test]
fn a_body_of_another_length_is_an_error() {
    let error = lie(format!("{OK}Content-Length: 10\r\n\r\nshort")).read(FileKind::Pack, &id(1)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Transient), "{error:?}");
    let error = lie(format!("{OK}\r\nno length")).read(FileKind::Pack, &id(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let error = lie(format!("{OK}Content-Length: 999999999999999\r\n\r\n")).read(FileKind::Pack, &id(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permanent);
    let partial = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n";
    for answer in [format!("{OK}\r\n0123"), format!("{partial}\r\n012"), format!("{partial}\r\n01234")] {
        let error = lie(answer).read_range(FileKind::Pack, &id(1), 0..4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
    assert_eq!(lie(format!("{partial}\r\n0123")).read_range(FileKind::Pack, &id(1), 0..4).unwrap(), b"0123"[..]);
}

#[test]
fn statuses_become_kinds() {
    for (status, kind) in [
        ("500 Oops", ErrorKind::Transient),
        ("503 Busy", ErrorKind::Transient),
        ("429 Slow down", ErrorKind::Transient),
        ("401 No", ErrorKind::Denied),
        ("507 Full", ErrorKind::Full),
        ("501 What", ErrorKind::Permanent),
        ("302 Elsewhere\r\nLocation: http://127.0.0.1:1/", ErrorKind::Permanent),
    ] {
        let store = lie(format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\nbecause\x1b[31m"));
        let error = store.read(FileKind::Pack, &id(1)).unwrap_err();
        assert_eq!(error.kind(), kind, "{status}");
        assert!(chain(&error).ends_with("because [31m"), "{}", chain(&error));
    }
}

#[test]
fn version_1_of_the_protocol_is_understood() {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let body = format!("[\"{}\"]", id(1));
    let store = lie(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
    let listed = store.list(FileKind::Pack).unwrap();
    assert_eq!((listed[0].id, listed[0].size), (id(1), body.len() as u64));
}
