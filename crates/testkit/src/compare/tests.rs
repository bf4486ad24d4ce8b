//! The comparison finds each kind of difference, and none where there is none.

use super::*;
use crate::{Acl, AclEntry, TempDir, Tree, require_root, temp_dir};

/// Two trees made the same way.
struct Pair {
    _dir: TempDir,
    a: Tree,
    b: Tree,
}

impl Pair {
    fn new(make: impl Fn(&Tree)) -> Self {
        let dir = temp_dir();
        let (a, b) = (Tree::create(dir.path().join("a")), Tree::create(dir.path().join("b")));
        make(&a);
        make(&b);
        Self { _dir: dir, a, b }
    }

    /// One file `file` with a fixed time, so that a change shows as itself only.
    fn of_one_file() -> Self {
        Self::new(|tree| {
            tree.file("file", b"0123456789").mtime("file", 1000, 1);
        })
    }

    fn differences(&self) -> Vec<Difference> {
        self.with(&CompareOptions::default())
    }

    fn with(&self, options: &CompareOptions) -> Vec<Difference> {
        compare_trees(self.a.root(), self.b.root(), options)
    }

    fn kinds(&self) -> Vec<DifferenceKind> {
        self.differences().into_iter().map(|difference| difference.kind).collect()
    }
}

fn at(seconds: i64, nanoseconds: u32) -> Timestamp {
    Timestamp { seconds, nanoseconds }
}

#[test]
fn a_copy_of_a_tree_of_every_kind_is_equal() {
    if !require_root() {
        return;
    }
    let dir = temp_dir();
    let tree = Tree::create(dir.path().join("a"));
    tree.every_kind();
    let copy = dir.path().join("b");
    let mut cp = std::process::Command::new("cp");
    let copied = cp.args(["-a", "--sparse=always"]).args([tree.root(), &copy]).output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let options = CompareOptions { root: true, ..CompareOptions::default() }.keeping_holes(0);
    assert_eq!(compare_trees(tree.root(), &copy, &options), []);
}

#[test]
fn differences_are_found_deeper_than_a_path_can_be_long() {
    let name = "a-name-of-some-length".repeat(5);
    let pair = Pair::new(|tree| {
        tree.deep("top", &name, if tree.root().ends_with("a") { 60 } else { 61 });
    });
    let found = pair.with(&CompareOptions { mtimes: false, ..CompareOptions::default() });
    let kinds: Vec<_> = found.iter().map(|difference| &difference.kind).collect();
    assert_eq!(kinds, [&DifferenceKind::Extra, &DifferenceKind::Missing]);
    assert!(found[0].path.as_os_str().len() > 6000);
}

#[test]
fn an_entry_of_one_tree_only_is_missing_or_extra() {
    let pair = Pair::of_one_file();
    pair.a.file("gone/deep", b"");
    pair.b.symlink("new", "x");
    let missing = Difference { path: "gone".into(), kind: DifferenceKind::Missing };
    let extra = Difference { path: "new".into(), kind: DifferenceKind::Extra };
    assert_eq!(pair.differences(), [missing, extra]);
}

#[test]
fn another_type_is_found() {
    let pair = Pair::of_one_file();
    pair.b.remove("file").fifo("file");
    assert_eq!(pair.kinds(), [DifferenceKind::Type { a: 0o100_000, b: 0o010_000 }]);
}

#[test]
fn another_mode_is_found_setuid_too() {
    let pair = Pair::of_one_file();
    pair.a.mode("file", 0o4755);
    pair.b.mode("file", 0o755);
    assert_eq!(pair.kinds(), [DifferenceKind::Mode { a: 0o4755, b: 0o755 }]);
}

#[test]
fn another_owner_is_found_unless_the_restorer_could_not_set_it() {
    if !require_root() {
        return;
    }
    let pair = Pair::of_one_file();
    pair.a.owner("file", 5, 6);
    assert_eq!(pair.kinds(), [DifferenceKind::Owner { a: (5, 6), b: (0, 0) }]);
    assert_eq!(pair.with(&CompareOptions::unprivileged()), []);
}

#[test]
fn one_nanosecond_is_a_difference_for_links_and_directories_too() {
    let pair = Pair::new(|tree| {
        tree.file("dir/file", b"").symlink("link", "x");
        tree.mtime("dir/file", -7, 5).mtime("link", 9, 9).mtime("dir", 1000, 1);
    });
    assert_eq!(pair.differences(), []);
    pair.b.mtime("dir/file", -7, 6).mtime("link", 9, 8).mtime("dir", 1000, 0);
    let found = [
        DifferenceKind::Mtime { a: at(1000, 1), b: at(1000, 0) },
        DifferenceKind::Mtime { a: at(-7, 5), b: at(-7, 6) },
        DifferenceKind::Mtime { a: at(9, 9), b: at(9, 8) },
    ];
    assert_eq!(pair.kinds(), found);
}

#[test]
fn other_content_is_found_with_its_place_however_far_in() {
    let pair = Pair::new(|tree| {
        tree.random_file("file", (2 << 20) + 100, 1).mtime("file", 1, 1);
    });
    let mut bytes = std::fs::read(pair.b.path("file")).unwrap();
    bytes[(2 << 20) + 17] ^= 1;
    pair.b.file("file", bytes).mtime("file", 1, 1);
    assert_eq!(pair.kinds(), [DifferenceKind::Content { offset: (2 << 20) + 17 }]);
}

#[test]
fn a_file_that_is_cut_short_is_found() {
    let pair = Pair::of_one_file();
    pair.b.file("file", b"01234").mtime("file", 1000, 1);
    assert_eq!(pair.kinds(), [DifferenceKind::Size { a: 10, b: 5 }]);
}

#[test]
fn another_link_target_is_found() {
    let pair = Pair::new(|tree| {
        tree.symlink("link", if tree.root().ends_with("a") { "here" } else { "there" }).mtime("link", 1, 1);
    });
    assert_eq!(pair.kinds(), [DifferenceKind::LinkTarget { a: "here".into(), b: "there".into() }]);
}

#[test]
fn another_device_number_is_found() {
    if !require_root() {
        return;
    }
    let pair = Pair::new(|tree| {
        tree.char_device("device", 1, if tree.root().ends_with("a") { 3 } else { 5 }).mtime("device", 1, 1);
    });
    assert_eq!(pair.kinds(), [DifferenceKind::Device { a: (1, 3), b: (1, 5) }]);
}

#[test]
fn files_that_are_one_here_and_two_there_are_found() {
    let pair = Pair::new(|tree| {
        tree.file("one", b"x").hard_link("two", "one").file("three", b"x").hard_link("z", "three");
        tree.mtime("one", 1, 1).mtime("three", 1, 1);
    });
    assert_eq!(pair.differences(), []);
    pair.b.remove("two").hard_link("two", "three").mtime("two", 1, 1);
    let path = |name: &str| Some(PathBuf::from(name));
    let found = DifferenceKind::HardLink { a: path("one"), b: path("three") };
    assert_eq!(pair.differences(), [Difference { path: "two".into(), kind: found }]);
    pair.b.remove("two").file("two", b"x").mtime("two", 1, 1);
    assert_eq!(pair.kinds(), [DifferenceKind::HardLink { a: path("one"), b: None }]);
}

#[test]
fn attributes_and_access_control_lists_are_compared() {
    let pair = Pair::of_one_file();
    pair.a.xattr("file", "user.x", b"1").xattr("file", "user.y", b"1");
    pair.b.xattr("file", "user.x", b"2").xattr("file", "user.z", b"");
    let xattr = |name: &str, a: Option<&[u8]>, b: Option<&[u8]>| DifferenceKind::Xattr {
        name: name.into(),
        a: a.map(Into::into),
        b: b.map(Into::into),
    };
    let found =
        [xattr("user.x", Some(b"1"), Some(b"2")), xattr("user.y", Some(b"1"), None), xattr("user.z", None, Some(b""))];
    assert_eq!(pair.kinds(), found);

    let pair = Pair::of_one_file();
    for (tree, permissions) in [(&pair.a, 6), (&pair.b, 4)] {
        tree.acl("file", &Acl::new(0o640, &[AclEntry::User(1234, permissions)]));
    }
    let kinds = pair.kinds();
    assert!(
        matches!(&kinds[..], [DifferenceKind::Xattr { name, .. }] if name == "system.posix_acl_access"),
        "{kinds:?}"
    );
}

#[test]
fn a_capability_that_was_lost_is_found() {
    if !require_root() {
        return;
    }
    let pair = Pair::of_one_file();
    pair.a.capabilities("file", 1 << 13);
    let kinds = pair.kinds();
    assert!(
        matches!(&kinds[..], [DifferenceKind::Xattr { name, b: None, .. }] if name == "security.capability"),
        "{kinds:?}"
    );
}

#[test]
fn a_hole_that_was_filled_is_found_when_holes_count() {
    let pair = Pair::new(|tree| {
        tree.sparse_file("file", 8 << 20, &[(4 << 20, b"island")]).mtime("file", 1, 1);
    });
    let options = CompareOptions::default().keeping_holes(0);
    assert_eq!(pair.with(&options), []);
    pair.b.file("file", std::fs::read(pair.b.path("file")).unwrap()).mtime("file", 1, 1);
    assert_eq!(pair.differences(), []);
    let found = pair.with(&options);
    assert!(matches!(found[..], [Difference { kind: DifferenceKind::Room { .. }, .. }]), "{found:?}");
    // Two holes, each with an allowance of half the file.
    assert_eq!(pair.with(&CompareOptions::default().keeping_holes(4 << 20)), []);
}

#[test]
fn sockets_may_be_missing_only_when_asked() {
    let pair = Pair::of_one_file();
    pair.a.socket("socket");
    assert_eq!(pair.kinds(), [DifferenceKind::Missing]);
    assert_eq!(pair.with(&CompareOptions::restic()), []);
}

#[test]
fn what_is_ignored_is_ignored_with_all_beneath_it_and_nothing_else() {
    let pair = Pair::of_one_file();
    pair.a.file("x/y", b"").file("xy", b"");
    let found = pair.with(&CompareOptions::default().ignoring("x"));
    assert_eq!(found, [Difference { path: "xy".into(), kind: DifferenceKind::Missing }]);
}

#[test]
fn the_roots_themselves_count_when_asked() {
    let pair = Pair::of_one_file();
    pair.a.mode("", 0o700).mtime("", 1, 1);
    pair.b.mode("", 0o750).mtime("", 1, 1);
    assert_eq!(pair.differences(), []);
    let options = CompareOptions { root: true, ..CompareOptions::default() };
    let found = DifferenceKind::Mode { a: 0o700, b: 0o750 };
    assert_eq!(pair.with(&options), [Difference { path: PathBuf::new(), kind: found }]);
}

#[test]
fn a_tree_that_is_not_there_is_no_equal_tree() {
    let dir = temp_dir();
    let found = compare_trees(dir.path(), dir.path().join("nowhere"), &CompareOptions::default());
    assert!(matches!(&found[..], [Difference { kind: DifferenceKind::Unreadable { .. }, .. }]), "{found:?}");
    assert!(found[0].to_string().contains("nowhere"), "{}", found[0]);
}
