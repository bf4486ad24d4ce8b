//! The driver over OpenDAL, against servers that speak S3 and WebDAV.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_model::Id;
use holdfast_store::contract::{self, Strength};
use holdfast_store::{ErrorKind, FileKind, OpenDalStore, Options, Place, Store};
use holdfast_testkit::{Tool, skip, temp_dir};

use crate::servers::{Server, chain, free_port};

/// Object storage deletes what is not there, and not all of it can write only if nothing is there.
const STRENGTH: Strength = Strength { noticed_removal: false, exclusive_put: false };

fn id(first: u8) -> Id {
    Id::new([first; 32])
}

fn open(place: &str, secret: &str, settings: &[(&str, &str)]) -> OpenDalStore {
    let secret = secret.to_owned();
    let mut options = Options::new(move |name| match name {
        "AWS_ACCESS_KEY_ID" => Some("holdfast".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some(secret.clone()),
        _ => None,
    });
    let pairs = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    options.settings = pairs.collect::<BTreeMap<_, _>>();
    OpenDalStore::open(&place.parse::<Place>().unwrap(), &options, 8).unwrap()
}

/// A server that speaks S3 and has one bucket: s3s-fs, or an rclone that can. Without either the test is skipped and must
/// return.
fn s3(dir: &Path) -> Option<(Server, u16)> {
    std::fs::create_dir_all(dir.join("bucket")).unwrap();
    if let Some(program) = std::env::var_os("HOLDFAST_S3_SERVER") {
        return Some(Server::on_free_port(|port| {
            let mut command = Command::new(&program);
            command.args(["--access-key", "holdfast", "--secret-key", "secret-of-s3", "--host", "127.0.0.1"]);
            command.args(["--port", &port.to_string()]).arg(dir);
            command
        }));
    }
    let able = |rclone: &PathBuf| {
        let told = Command::new(rclone).args(["serve", "s3", "--auth-key", "a,b", "--help"]).output();
        told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains("--auth-key"))
    };
    let Some(rclone) = Tool::Rclone.find().filter(able) else {
        skip("needs a server that speaks S3: s3s-fs, named by HOLDFAST_S3_SERVER, or an rclone with `serve s3`");
        return None;
    };
    Some(Server::on_free_port(|port| {
        let mut command = Command::new(&rclone);
        command.args(["serve", "s3", "--config=/dev/null", "--auth-key", "holdfast,secret-of-s3"]);
        command.args(["--addr", &format!("127.0.0.1:{port}")]).arg(dir);
        command
    }))
}

#[test]
fn s3_keeps_the_contract() {
    let dir = temp_dir();
    let Some((_server, port)) = s3(dir.path()) else { return };
    for prefix in ["", "/deep/prefix"] {
        let place = format!("s3:http://127.0.0.1:{port}/bucket{prefix}");
        contract::run(&open(&place, "secret-of-s3", &[]), STRENGTH);
    }
}

#[test]
fn packs_lie_in_s3_where_restic_looks_for_them() {
    let dir = temp_dir();
    let Some((_server, port)) = s3(dir.path()) else { return };
    let store = open(&format!("s3:http://127.0.0.1:{port}/bucket/repo"), "secret-of-s3", &[]);
    store.put(FileKind::Pack, &id(0xab), &[b"x"]).unwrap();
    assert!(dir.path().join(format!("bucket/repo/data/ab/{}", id(0xab))).is_file());
}

#[test]
fn a_listing_goes_on_after_its_first_page() {
    let dir = temp_dir();
    let Some((_server, port)) = s3(dir.path()) else { return };
    let store = open(&format!("s3:http://127.0.0.1:{port}/bucket"), "secret-of-s3", &[]);
    let folder = dir.path().join("bucket/snapshots");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..2345u32 {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        std::fs::write(folder.join(Id::new(bytes).to_string()), b"12345").unwrap();
    }
    let listed = store.list(FileKind::Snapshot).unwrap();
    assert_eq!(listed.len(), 2345);
    assert!(listed.iter().all(|file| file.size == 5 && file.modified.is_some()));
}

#[test]
fn a_wrong_secret_is_denied_and_a_missing_bucket_is_not_found_without_telling_secrets() {
    let dir = temp_dir();
    let Some((_server, port)) = s3(dir.path()) else { return };
    let wrong = open(&format!("s3:http://127.0.0.1:{port}/bucket"), "hunter2", &[]);
    let lists = wrong.list(FileKind::Key).unwrap_err();
    let puts = wrong.put(FileKind::Key, &id(1), &[b"x"]).unwrap_err();
    for error in [&lists, &puts] {
        assert_eq!(error.kind(), ErrorKind::Denied, "{}", chain(error));
        assert!(!chain(error).contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{}", chain(error));
    }
    let missing = open(&format!("s3:http://127.0.0.1:{port}/no-bucket"), "secret-of-s3", &[]);
    let error = missing.list(FileKind::Key).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{}", chain(&error));
    assert!(chain(&error).contains("NoSuchBucket"), "{}", chain(&error));
}

#[test]
fn a_server_that_is_not_there_may_come_back() {
    let store = open(&format!("s3:http://127.0.0.1:{}/bucket", free_port()), "secret-of-s3", &[]);
    for error in [store.list(FileKind::Pack).unwrap_err(), store.put(FileKind::Pack, &id(1), &[b"x"]).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Transient, "{}", chain(&error));
        assert!(chain(&error).contains("refused"), "{}", chain(&error));
    }
}

#[test]
fn webdav_keeps_the_contract() {
    let dir = temp_dir();
    let Some(rclone) = Tool::Rclone.require() else { return };
    let (_server, port) = Server::on_free_port(|port| {
        let mut command = Command::new(&rclone);
        command.args(["serve", "webdav", "--config=/dev/null", "--user", "ann", "--pass", "secret-of-dav"]);
        command.args(["--addr", &format!("127.0.0.1:{port}")]).arg(dir.path());
        command
    });
    let url = format!("http://127.0.0.1:{port}");
    let settings = [("endpoint", url.as_str()), ("username", "ann"), ("password", "secret-of-dav"), ("root", "/repo")];
    contract::run(&open("opendal:webdav", "", &settings), STRENGTH);
    let wrong = [("endpoint", url.as_str()), ("username", "ann"), ("password", "hunter2")];
    let error = open("opendal:webdav", "", &wrong).list(FileKind::Key).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{}", chain(&error));
}
