//! One tree that holds an example of everything a file system can hold.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::{Acl, AclEntry, Tree};

impl Tree {
    /// Fills the tree with every kind of file, name, time and attribute. What only root can make (devices, other
    /// owners, capabilities) is there only if root makes it. No path is longer than a system call takes (4095 bytes),
    /// so that every program can deal with the tree.
    pub fn every_kind(&self) -> &Self {
        let root = rustix::process::geteuid().is_root();
        self.contents().names().links().special(root).attributes(root).times()
    }

    fn contents(&self) -> &Self {
        self.file("regular", b"plain content\n")
            .file("empty", b"")
            .file("one-byte", b"x")
            .random_file("large", 9 << 20, 1)
            .dir("empty-dir")
            .many_files("many", 250, 2)
            .deep("deep", "d", 200)
            .sparse_file("sparse/all-hole", 32 << 20, &[])
            .sparse_file("sparse/islands", 48 << 20, &[(0, b"start"), (20 << 20, &[7; 5000]), ((48 << 20) - 3, b"end")])
            .sparse_file("sparse/ends-in-hole", (12 << 20) + 5, &[(4096, b"something")])
            .file("sparse/zeros-written-out", vec![0; 3 << 20])
    }

    fn names(&self) -> &Self {
        for name in odd_names() {
            self.file(PathBuf::from("names").join(&name), name.as_bytes());
            let mut dir = OsString::from("in ");
            dir.push(&name);
            if dir.len() <= 255 {
                self.file(PathBuf::from("names").join(dir).join(&name), b"inside");
            }
        }
        self
    }

    fn links(&self) -> &Self {
        let invalid = OsStr::from_bytes(b"no-\xff\xfe-text");
        self.symlink("links/relative", "../regular")
            .symlink("links/absolute", "/etc/hostname")
            .symlink("links/dangling", "nowhere/at all")
            .symlink("links/to-itself", "to-itself")
            .symlink("links/to-directory", "../many")
            .symlink("links/not-utf8", invalid)
            .symlink("links/longest", "0123456789abcde/".repeat(255) + "end")
            .hard_link("links/hard", "regular")
            .hard_link("many/hard-too", "regular")
            .hard_link("links/empty-twin", "empty")
            .hard_link("links/symlink-twin", "links/dangling")
    }

    fn special(&self, root: bool) -> &Self {
        self.fifo("special/fifo").hard_link("special/fifo-twin", "special/fifo").socket("special/socket");
        if root {
            self.char_device("special/null", 1, 3)
                .char_device("special/large-numbers", 511, 0xf_ffff)
                .block_device("special/loop", 7, 200)
                .hard_link("special/null-twin", "special/null");
        }
        self
    }

    fn attributes(&self, root: bool) -> &Self {
        for (name, mode) in [("none", 0), ("read-only", 0o444), ("all", 0o777), ("setuid", 0o4755), ("setgid", 0o2755)]
        {
            self.file(format!("modes/{name}"), name).mode(format!("modes/{name}"), mode);
        }
        self.dir("modes/sticky").mode("modes/sticky", 0o1777).dir("modes/setgid-dir").mode("modes/setgid-dir", 0o2775);
        self.file("modes/closed/inside", b"hidden");
        let acl = Acl::new(0o640, &[AclEntry::User(1234, 6), AclEntry::Group(4321, 4), AclEntry::User(0, 1)]);
        self.file("attributes/acl", b"shared").acl("attributes/acl", &acl);
        self.dir("attributes/acl-dir").default_acl("attributes/acl-dir", &acl).acl("attributes/acl-dir", &acl);
        self.file("attributes/xattr", b"annotated")
            .xattr("attributes/xattr", "user.comment", "ünïcode")
            .xattr("attributes/xattr", "user.binary", [0, 255, 10, 0])
            .xattr("attributes/xattr", "user.empty", [])
            .xattr("attributes/xattr", "user.long", vec![b'x'; 1500])
            .dir("attributes/xattr-dir")
            .xattr("attributes/xattr-dir", "user.comment", "a directory's");
        if root {
            self.file("owners/someone", b"1").owner("owners/someone", 12_345, 54_321);
            self.file("owners/daemon", b"2").owner("owners/daemon", 1, 1);
            self.file("owners/largest", b"3").owner("owners/largest", u32::MAX - 1, u32::MAX - 1);
            self.file("owners/setuid", b"4").owner("owners/setuid", 12_345, 0).mode("owners/setuid", 0o6711);
            self.symlink("owners/link", "someone").owner("owners/link", 7, 8);
            self.file("attributes/capable", b"#!").capabilities("attributes/capable", 1 << 13 | 1 << 40);
            self.xattr("links/dangling", "trusted.on-a-link", "yes");
        }
        self
    }

    /// Last, because everything else changes times.
    fn times(&self) -> &Self {
        self.file("times/before-1970", b"old")
            .mtime("times/before-1970", -1_234_567_890, 987_654_321)
            .file("times/just-before-1970", b"old")
            .mtime("times/just-before-1970", -1, 999_999_999)
            .file("times/epoch", b"0")
            .mtime("times/epoch", 0, 0)
            .file("times/nanosecond", b"ns")
            .mtime("times/nanosecond", 1_000_000_000, 1)
            .file("times/after-2038", b"later")
            .mtime("times/after-2038", 5_000_000_000, 123_456_789)
            .symlink("times/link", "epoch")
            .mtime("times/link", 1_111_111_111, 111_111_111)
            .mtime("empty-dir", 1_222_222_222, 222_222_222)
            .mtime("times", -5, 5)
            .mode("modes/closed", 0)
            .mtime("modes/closed", 1_333_333_333, 333_333_333)
            .mtime("", 1_444_444_444, 444_444_444)
    }
}

/// Names that have broken programs before.
fn odd_names() -> Vec<OsString> {
    let text = [
        "new\nline",
        "tab\there",
        " leading",
        "trailing ",
        "quote'single",
        "quote\"double",
        "back\\slash",
        "\\n",
        "\\xff",
        "star*?[a-z]",
        "dollar$HOME",
        "`command`",
        "semi;colon",
        "-rf",
        "--",
        "~",
        "#hash",
        "%41",
        "...",
        ".hidden",
        "ümläut",
        "u\u{308}mla\u{308}ut",
        "日本語",
        "🦀",
        "\u{202e}reversed",
        "\u{7f}",
        "\u{1}\u{1b}[31m",
        "\u{85}\u{a0}\u{2028}",
        "\u{feff}bom",
        "con",
        "a:b",
    ];
    let mut names: Vec<OsString> = text.into_iter().map(OsString::from).collect();
    names.push("n".repeat(255).into());
    names.push(("é".repeat(127) + "x").into());
    for bytes in
        [&b"invalid-\xff"[..], b"\xc3", b"\xe2\x82", b"\x80\n\\\"", b"mixed-\xf0\x9f\xa6\x80-\xf0\x9f", b"\xed\xa0\x80"]
    {
        names.push(OsString::from_vec(bytes.to_vec()));
    }
    names
}
