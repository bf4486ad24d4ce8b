//! Archives, read by Info-ZIP and by Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_model::Timestamp;
use holdfast_testkit::{TempDir, skip, temp_dir};

use super::*;
use crate::catalogue::resolve;
use crate::testing::MapBlobs;
use crate::tree::FileMode;

/// A tree of all that a zip holds, and of what it does not.
fn tree(blobs: &mut MapBlobs) -> Place {
    let long = "lines\n".repeat(100_000);
    let mut file = blobs.file("file", &["hello ", "world", &long]);
    file.mtime.at = Timestamp { seconds: 1_000_000_001, nanoseconds: 5 };
    file.mode = FileMode::new(0o4750, &file.kind);
    (file.uid, file.gid, file.links, file.inode) = (4_000_000_000, 12, 2, 77);
    let hard = Node { name: b"hard".as_slice().into(), ..file.clone() };
    let empty = blobs.file("empty", &[]);
    let text = blobs.file("gr\u{f6}\u{df}e \\ \"x\"", &["umlaut"]);
    let bytes = Node { name: b"no-\xff-text".as_slice().into(), ..blobs.file("x", &["bytes"]) };
    let link = Node::new(&b"link"[..], NodeKind::Symlink { target: b"../up".as_slice().into() }, 0o777);
    let pipe = Node::new(&b"pipe"[..], NodeKind::Fifo, 0o600);
    let hollow = blobs.dir("hollow", Vec::new());
    let sub = blobs.dir("sub", vec![file, hard, empty, text, bytes, link, pipe, hollow]);
    Place::Root(blobs.add_tree(vec![sub]))
}

fn archive(dir: &TempDir, blobs: &MapBlobs, place: &Place) -> PathBuf {
    let mut bytes = Vec::new();
    zip_place(blobs, b"/", place, &mut bytes, &CancelToken::new()).unwrap();
    let path = dir.path().join("a.zip");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// What a program says; `None` where it is not there.
fn say(program: &str, arguments: &[&str], dir: &Path) -> Option<String> {
    let Ok(output) = Command::new(program).args(arguments).current_dir(dir).output() else {
        skip(&format!("there is no {program}"));
        return None;
    };
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&text));
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn info_zip_gives_back_what_was_put_in() {
    let (dir, mut blobs) = (temp_dir(), MapBlobs::default());
    let place = tree(&mut blobs);
    archive(&dir, &blobs, &place);
    if say("unzip", &["-tqq", "a.zip"], dir.path()).is_none() {
        return;
    }
    say("unzip", &["-qq", "-K", "a.zip", "-d", "out"], dir.path());
    let out = dir.path().join("out/sub");
    let read = |name: &str| std::fs::read(out.join(name)).unwrap();
    assert!(read("file").starts_with(b"hello worldlines\nlines\n") && read("file").len() == 600_011);
    assert_eq!(read("file"), read("hard"));
    assert_eq!((read("empty"), read("gr\u{f6}\u{df}e \\ \"x\"")), (Vec::new(), b"umlaut".to_vec()));
    assert_eq!(std::fs::read_link(out.join("link")).unwrap(), Path::new("../up"));
    assert!(out.join("hollow").is_dir() && !out.join("pipe").exists());
    use std::os::unix::fs::MetadataExt;
    let found = out.join("file").metadata().unwrap();
    assert_eq!((found.mode() & 0o7777, found.mtime()), (0o4750, 1_000_000_001));
    let left_out = std::fs::read_to_string(dir.path().join("out/left-out-of-this-zip.txt")).unwrap();
    assert_eq!(left_out, "/sub/pipe: fifo\n");
}

#[test]
fn python_reads_names_sums_and_links() {
    let (dir, mut blobs) = (temp_dir(), MapBlobs::default());
    let place = tree(&mut blobs);
    archive(&dir, &blobs, &place);
    let script = "import zipfile\nz = zipfile.ZipFile('a.zip')\nassert z.testzip() is None\n\
                  for i in z.infolist(): print(ascii(i.filename), i.file_size, oct(i.external_attr >> 16))";
    let Some(said) = say("python3", &["-c", script], dir.path()) else { return };
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 9, "{said}");
    for line in [
        "'sub/' 0 0o40755",
        "'sub/file' 600011 0o104750",
        r#"'sub/gr\xf6\xdfe \\ "x"' 6 0o100644"#,
        "'sub/link' 5 0o120777",
        "'left-out-of-this-zip.txt' 16 0o100644",
    ] {
        assert!(lines.contains(&line), "{line}: {said}");
    }
}

#[test]
fn one_file_is_an_archive_too_and_what_is_missing_ends_it() {
    let (dir, mut blobs) = (temp_dir(), MapBlobs::default());
    let Place::Root(root) = tree(&mut blobs) else { panic!("it is one") };
    let file = resolve(&blobs, root, b"/sub/empty").unwrap();
    let mut bytes = Vec::new();
    zip_place(&blobs, b"/sub/empty", &file, &mut bytes, &CancelToken::new()).unwrap();
    std::fs::write(dir.path().join("a.zip"), bytes).unwrap();
    if let Some(said) = say("unzip", &["-Z1", "a.zip"], dir.path()) {
        assert_eq!(said, "sub/empty\n");
    }
    let Place::Node(mut node) = file else { panic!("it is one") };
    node.kind = NodeKind::File { content: vec![holdfast_model::BlobId::new([9; 32])] };
    let error = zip_place(&blobs, b"/sub/x", &Place::Node(node), &mut Vec::new(), &CancelToken::new()).unwrap_err();
    assert!(matches!(error, CatalogueError::MissingBlob { .. }), "{error}");
}

#[test]
fn more_files_than_sixteen_bits_count_are_read() {
    let (dir, mut blobs) = (temp_dir(), MapBlobs::default());
    let files =
        (0..70_000).map(|number| Node { name: format!("{number:06}").into_bytes().into(), ..blobs.file("x", &[]) });
    let files = files.collect::<Vec<_>>();
    let place = Place::Root(blobs.add_tree(files));
    archive(&dir, &blobs, &place);
    let script = "import zipfile\nprint(len(zipfile.ZipFile('a.zip').namelist()))";
    if let Some(said) = say("python3", &["-c", script], dir.path()) {
        assert_eq!(said, "70000\n");
    }
}

#[test]
fn what_does_not_shrink_hardly_grows() {
    let (mut blobs, mut random) = (MapBlobs::default(), holdfast_testkit::Prng::new(1));
    let bytes = random.bytes(1 << 20);
    let mut node = blobs.file("x", &[]);
    node.kind = NodeKind::File { content: vec![blobs.add_data(&bytes)] };
    let mut archive = Vec::new();
    zip_place(&blobs, b"/x", &Place::Node(Box::new(node)), &mut archive, &CancelToken::new()).unwrap();
    let margin = (u64::from(u32::MAX) - Method::LARGE) * bytes.len() as u64 / Method::LARGE;
    assert!(archive.len() < bytes.len() + bytes.len() / 100, "{}", archive.len());
    assert!(margin > bytes.len() as u64 / 100, "so that what is not large before is not large after");
}
