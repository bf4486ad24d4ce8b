//! Snapshots are listed, looked into, and given out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use holdfast_control::work::secrets::Secrets;
use holdfast_control::{Control, Depot};
use holdfast_db::{KnownSnapshot, SnapshotDetails};
use holdfast_model::{SnapshotId, SystemClock, Time};
use holdfast_server::{router, serve};
use holdfast_testkit::{CompareOptions, TempDir, Tree, compare_trees, holdfast_program, skip, temp_dir};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use super::scene::Scene;

/// A repository with one snapshot of a tree, and a server that opens it.
struct Stored {
    scene: Scene,
    dir: TempDir,
    source: Tree,
    router: Router,
    /// The repository's id, and the snapshot's.
    repository: String,
    snapshot: String,
}

impl Stored {
    async fn new(fill: impl FnOnce(&Tree) -> &Tree) -> Self {
        let (scene, dir) = (Scene::new().await, temp_dir());
        let source = Tree::create(dir.path().join("source"));
        fill(&source);
        std::fs::write(dir.path().join("password"), "secret\n").unwrap();
        holdfast(dir.path(), &["init"]);
        let said = holdfast(dir.path(), &["backup", "--json", "--host", "web1", source.root().to_str().unwrap()]);
        let summary: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        let password = format!("file:{}", dir.path().join("password").display());
        let spec = json!({"name": "main", "uri": dir.path().join("repository"), "password": password});
        let place = scene.make("repositories", spec).await;
        let control = Control::new(scene.database.clone(), Arc::new(SystemClock));
        let secrets = Arc::new(Secrets::open(&dir.path().join("server"), |_| None).unwrap());
        let depot = Depot::new(control, secrets, dir.path().join("state"));
        let router = router(scene.server.clone().with_depot(depot));
        let repository = place.rsplit('/').next().unwrap().to_owned();
        let snapshot = summary["snapshot_id"].as_str().unwrap().to_owned();
        Self { scene, dir, source, router, repository, snapshot }
    }

    fn path(&self, what: &str) -> String {
        format!("/api/v1/snapshots/{}/{}/{what}", self.repository, self.snapshot)
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, Result<Bytes, axum::Error>) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        (status, headers, to_bytes(response.into_body(), 1 << 30).await)
    }

    async fn json(&self, path: &str) -> (u16, Value) {
        let (status, _, body) = self.get(path).await;
        (status.as_u16(), serde_json::from_slice(&body.unwrap()).unwrap())
    }

    /// Downloads into a file; gives back its path and the headers.
    async fn download(&self, query: &str) -> (PathBuf, HeaderMap) {
        let (status, headers, body) = self.get(&self.path(&format!("download?{query}"))).await;
        assert_eq!(status, StatusCode::OK, "{query}: {body:?}");
        let path = self.dir.path().join("downloaded");
        std::fs::write(&path, body.unwrap()).unwrap();
        (path, headers)
    }

    /// Path of something in the source, for a query.
    fn source(&self, path: &str) -> String {
        form_urlencoded::byte_serialize(self.source.path(path).to_str().unwrap().as_bytes()).collect()
    }

    /// Turns over a bit in the middle of the largest pack.
    fn damage(&self) {
        let folders = std::fs::read_dir(self.dir.path().join("repository/data")).unwrap();
        let packs = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
        let largest = packs.map(|pack| pack.unwrap().path()).max_by_key(|pack| pack.metadata().unwrap().len()).unwrap();
        let mut bytes = std::fs::read(&largest).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::set_permissions(&largest, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&largest, bytes).unwrap();
    }
}

/// The command line, on the repository in a directory.
fn holdfast(dir: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(holdfast_program());
    command.env("HOME", dir).env("XDG_STATE_HOME", dir.join("cli-state"));
    command.arg("--repo").arg(dir.join("repository")).arg("--password-file").arg(dir.join("password"));
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a program; whether it is there.
fn run(program: &str, arguments: &[&str], dir: &Path) -> bool {
    let Ok(output) = Command::new(program).args(arguments).current_dir(dir).output() else {
        skip(&format!("there is no {program}"));
        return false;
    };
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

#[tokio::test]
async fn a_tree_comes_as_an_archive_from_which_all_of_it_comes_back() {
    let stored = Stored::new(|source| source.every_kind()).await;
    let (_, headers) = stored.download("").await;
    assert_eq!(headers["content-type"], "application/zstd");
    let name = format!("attachment; filename=\"web1-{}.tar.zst\"", &stored.snapshot[..8]);
    assert_eq!(headers["content-disposition"].to_str().unwrap(), name);
    assert!(!headers.contains_key("content-length"));
    std::fs::create_dir(stored.dir.path().join("out")).unwrap();
    let unpack = ["--xattrs", "--xattrs-include=*", "--acls", "-C", "out", "-xpf"];
    if run("zstd", &["-dq", "downloaded", "-o", "downloaded.tar"], stored.dir.path())
        && run("tar", &[&unpack[..], &["downloaded.tar"]].concat(), stored.dir.path())
    {
        let out = stored.dir.path().join("out").join(stored.source.root().strip_prefix("/").unwrap());
        let differences = compare_trees(stored.source.root(), &out, &CompareOptions::restic());
        assert!(differences.is_empty(), "{differences:?}");
    }
    let (plain, headers) = stored.download("format=tar").await;
    assert_eq!(headers["content-type"], "application/x-tar");
    let unpacked = stored.dir.path().join("downloaded.tar");
    assert_eq!(std::fs::read(plain).unwrap(), std::fs::read(unpacked).unwrap(), "compressed or not, it is the same");
}

#[tokio::test]
async fn a_zip_holds_every_file() {
    let stored = Stored::new(|source| source.every_kind()).await;
    let (_, headers) = stored.download(&format!("format=zip&path={}", stored.source("many"))).await;
    assert_eq!(headers["content-type"], "application/zip");
    run("unzip", &["-qq", "downloaded", "-d", "zipped"], stored.dir.path());
    let (many, out) = (stored.source.path("many"), stored.dir.path().join("zipped"));
    let out = out.join(many.strip_prefix("/").unwrap());
    let files = std::fs::read_dir(&many).unwrap().map(|file| file.unwrap());
    for file in files.filter(|file| file.file_type().unwrap().is_file()) {
        let copy = std::fs::read(out.join(file.file_name())).unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), copy, "{file:?}");
    }
    stored.download("format=zip").await;
    let script =
        "import zipfile\nz = zipfile.ZipFile('downloaded')\nassert z.testzip() is None\nassert len(z.namelist()) > 300";
    run("python3", &["-c", script], stored.dir.path());
}

#[tokio::test]
async fn a_file_comes_as_it_is_whatever_its_name() {
    let stored = Stored::new(|source| source.every_kind()).await;
    let (file, headers) = stored.download(&format!("path={}", stored.source("large"))).await;
    assert_eq!(std::fs::read(file).unwrap(), std::fs::read(stored.source.path("large")).unwrap());
    let size = stored.source.path("large").metadata().unwrap().len().to_string();
    assert_eq!(
        (headers["content-length"].to_str().unwrap(), &headers["content-type"]),
        (size.as_str(), &"application/octet-stream".parse().unwrap())
    );
    assert_eq!(headers["content-disposition"], "attachment; filename=\"large\"");
    // Every name that is listed leads to the file that has it: in those of this directory stands the name itself.
    let mut count = 0;
    let mut cursor = String::new();
    loop {
        let path = stored.path(&format!("files?limit=7&path={}{cursor}", stored.source("names")));
        let (status, page) = stored.json(&path).await;
        assert_eq!(status, 200, "{page}");
        for item in page["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "file") {
            let path: String = form_urlencoded::byte_serialize(item["path"].as_str().unwrap().as_bytes()).collect();
            let (file, _) = stored.download(&format!("path={path}")).await;
            let name: holdfast_model::SnapshotPath = item["path"].as_str().unwrap().parse().unwrap();
            assert!(name.as_bytes().ends_with(&std::fs::read(file).unwrap()), "{item}");
            count += 1;
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let files = std::fs::read_dir(stored.source.path("names")).unwrap();
    assert_eq!(count, files.filter(|file| file.as_ref().unwrap().file_type().unwrap().is_file()).count());
    assert!(count > 7);
}

#[tokio::test]
async fn a_directory_says_what_is_in_it() {
    let stored = Stored::new(|source| {
        source.file("b", "12345").mode("b", 0o4750).mtime("b", 1_000_000_000, 5).symlink("a", "b\u{1}").dir("c")
    })
    .await;
    let (status, page) = stored.json(&stored.path(&format!("files?path={}", stored.source("")))).await;
    assert_eq!((status, &page["next_cursor"], &page["left_out"]), (200, &Value::Null, &json!([])));
    let items = page["items"].as_array().unwrap();
    let told = |field: &str| items.iter().map(|item| item[field].clone()).collect::<Vec<_>>();
    assert_eq!(told("name"), ["a", "b", "c"]);
    assert_eq!(told("kind"), ["symlink", "file", "directory"]);
    assert_eq!(told("size"), [Value::Null, json!(5), Value::Null]);
    assert_eq!(told("target"), [json!(r"b\x01"), Value::Null, Value::Null]);
    assert_eq!((&items[1]["mode"], &items[1]["modified"]), (&json!(0o4750), &json!("2001-09-09T01:46:40Z")));
}

#[tokio::test]
async fn what_breaks_off_is_seen_to_break_off() {
    let stored = Stored::new(|source| source.random_file("large", 12 << 20, 1)).await;
    stored.damage();
    let (status, _, body) = stored.get(&stored.path(&format!("download?path={}", stored.source("large")))).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body.is_err(), "its length alone would have told");
    let (status, _, body) = stored.get(&stored.path("download?format=zip")).await;
    assert!(status == StatusCode::OK && body.is_err());
    // On a real connection no last piece comes.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, stored.router.clone(), std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {} HTTP/1.1\r\nhost: {address}\r\n\r\n", stored.path("download?format=tar"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The connection is closed, in whatever way.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(answer.windows(27).any(|window| window == b"transfer-encoding: chunked\r"), "it has no length");
    assert!(!answer.ends_with(b"0\r\n\r\n"));
}

#[tokio::test]
async fn what_is_not_there_or_cannot_be_read_is_told_before_anything_is_sent() {
    let stored = Stored::new(|source| source.file("file", "x").dir("dir")).await;
    let (file, dir) = (stored.source("file"), stored.source("dir"));
    let other = "07".repeat(32);
    let nobody = "0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41";
    for (path, expected) in [
        (stored.path("files?path=/nothing"), (404, "not_found")),
        (stored.path(&format!("files?path={file}")), (400, "invalid_query")),
        (stored.path("files?path=etc"), (400, "invalid_query")),
        (stored.path("files?cursor=x"), (400, "invalid_cursor")),
        (stored.path("files?limit=5001"), (400, "invalid_query")),
        (stored.path("download?path=/nothing"), (404, "not_found")),
        (stored.path(&format!("download?format=raw&path={dir}")), (400, "invalid_query")),
        (stored.path("download?format=rar"), (400, "invalid_query")),
        (stored.path("download?form=zip"), (400, "invalid_query")),
        (format!("/api/v1/snapshots/{}/{other}/files", stored.repository), (404, "not_found")),
        (format!("/api/v1/snapshots/{}/{other}/download", stored.repository), (404, "not_found")),
        (format!("/api/v1/snapshots/{nobody}/{other}/download",), (404, "not_found")),
        (format!("/api/v1/snapshots/{nobody}/xyz/download",), (400, "invalid_id")),
    ] {
        let (status, problem) = stored.json(&path).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), expected, "{path}: {problem}");
    }
    let without = stored.scene.router.clone().oneshot(Request::get(stored.path("files")).body(Body::empty()).unwrap());
    assert_eq!(without.await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE, "it opens no repositories");
    std::fs::write(stored.dir.path().join("password"), "wrong\n").unwrap();
    let (status, problem) = stored.json(&stored.path("download")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("wrong_state")));
    assert!(problem["detail"].as_str().unwrap().contains("give the repository's own password"), "{problem}");
}

#[tokio::test]
async fn the_newest_snapshot_comes_first_and_the_list_goes_on_where_it_ended() {
    let scene = Scene::new().await;
    let id = |place: String| place.rsplit('/').next().unwrap().to_owned();
    let client = id(scene.make_client("web1").await);
    let spec = json!({"name": "main", "uri": "/srv/backup", "password": "file:/etc/holdfast/main"});
    let repository = id(scene.make("repositories", spec).await);
    let mut writer = scene.database.write().await.unwrap();
    for number in 0..5u8 {
        let snapshot = KnownSnapshot {
            repository: repository.parse().unwrap(),
            id: SnapshotId::new([number; 32]),
            tenant: scene.tenant.parse().unwrap(),
            client: (number < 3).then(|| client.parse().unwrap()),
            policy: None,
            job: None,
            // Two at the same time.
            at: Time::from_second(1_795_000_000 + i64::from(number / 2)).unwrap(),
            complete: true,
            hostname: "web1".into(),
            details: SnapshotDetails { files: Some(7), ..SnapshotDetails::default() },
        };
        writer.add_snapshot(&snapshot).await.unwrap();
    }
    writer.commit().await.unwrap();
    let list = async |query: &str| {
        let page = scene.get(&format!("/api/v1/snapshots?{query}")).await.json();
        let items = page["items"].as_array().unwrap().iter();
        let ids: Vec<String> = items.map(|item| item["id"].as_str().unwrap()[..2].to_owned()).collect();
        (ids, page["next_cursor"].clone())
    };
    let (first, cursor) = list("limit=2").await;
    assert_eq!(first, ["04", "03"]);
    let (rest, end) = list(&format!("limit=3&cursor={}", cursor.as_str().unwrap())).await;
    assert_eq!((rest, end), (vec!["02".to_owned(), "01".to_owned(), "00".to_owned()], Value::Null));
    assert_eq!(list(&format!("client={client}")).await.0, ["02", "01", "00"]);
    assert_eq!(list(&format!("repository={repository}&tenant={}", scene.tenant)).await.0.len(), 5);
    assert_eq!(list("policy=0198c6a2-7b1e-7c3a-9f00-3d2b8a6e5c41").await.0.len(), 0);
    assert_eq!(scene.get("/api/v1/snapshots?cursor=x").await.code(), (400, "invalid_cursor".into()));
}
