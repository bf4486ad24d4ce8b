//! Which crate may import which: the table of ARCHITECTURE.md as a check.
//!
//! Only direct edges are looked at: whoever may import a crate also gets what that crate imports. Tests may use more
//! (dev-dependencies are not looked at), but nothing that is shipped may link what is for tests.

use crate::tidy::Violation;
use crate::workspace::{Package, Workspace};

/// Each crate of ours and those of ours that it may import.
const LAYERS: &[(&str, &[&str])] = &[
    ("holdfast-model", &[]),
    ("holdfast-chunker", &[]),
    ("holdfast-confine", &[]),
    ("holdfast-wire", &["holdfast-model", "holdfast-chunker"]),
    ("holdfast-handover", &["holdfast-model"]),
    ("holdfast-store", &["holdfast-model"]),
    ("holdfast-db", &["holdfast-model"]),
    ("holdfast-agent", &["holdfast-model", "holdfast-wire", "holdfast-chunker"]),
    ("holdfast-repo", &["holdfast-model", "holdfast-chunker", "holdfast-store"]),
    (
        "holdfast-pull",
        &[
            "holdfast-model",
            "holdfast-wire",
            "holdfast-handover",
            "holdfast-repo",
            "holdfast-agent",
            "holdfast-chunker",
            "holdfast-confine",
        ],
    ),
    (
        "holdfast",
        &[
            "holdfast-model",
            "holdfast-chunker",
            "holdfast-wire",
            "holdfast-handover",
            "holdfast-store",
            "holdfast-agent",
            "holdfast-repo",
            "holdfast-pull",
            "holdfast-db",
            "holdfast-control",
            "holdfast-api",
            "holdfast-server",
        ],
    ),
    ("holdfast-api", &["holdfast-model"]),
    ("holdfast-control", &["holdfast-model", "holdfast-store", "holdfast-repo", "holdfast-pull", "holdfast-db"]),
    ("holdfast-server", &["holdfast-model", "holdfast-api", "holdfast-db", "holdfast-control"]),
    ("holdfast-testkit", &["holdfast-model"]),
    ("xtask", &["holdfast-testkit"]),
];

/// Crates of others that only some of ours may link, and why.
const FENCES: &[(&str, &[&str], &str)] = &[
    (
        "tokio",
        &["holdfast-store", "holdfast-db", "holdfast-control", "holdfast-server", "holdfast"],
        "the engine and the agent run on threads; only storage drivers, the database, workers and the API need it",
    ),
    ("opendal", &["holdfast-store"], "storage drivers live in holdfast-store"),
    ("reqwest", &["holdfast-store"], "storage drivers live in holdfast-store"),
    (
        "ureq",
        &["holdfast-store", "holdfast-api"],
        "storage drivers live in holdfast-store, the API's client in holdfast-api",
    ),
    ("anyhow", &["holdfast", "holdfast-testkit", "xtask"], "a library's errors have types"),
    (
        "regex",
        &["holdfast-control"],
        "names in snapshots are searched there; the patterns of a backup are holdfast-model's own",
    ),
    ("clap", &["holdfast"], "a library does not know its command line"),
    ("seccompiler", &["holdfast-confine"], "what a process gives up stands in holdfast-confine"),
    ("landlock", &["holdfast-confine"], "what a process gives up stands in holdfast-confine"),
    ("rusqlite", &[], "both databases are reached through sqlx"),
    ("sqlx", &["holdfast-db"], "SQL stands in holdfast-db alone"),
    ("sea-orm", &[], "statements are written in SQL (docs/adr/0012)"),
    ("axum", &["holdfast-server"], "the API is served by holdfast-server alone"),
    ("hyper", &["holdfast-server"], "the API is served by holdfast-server alone"),
    ("utoipa", &["holdfast-model", "holdfast-api", "holdfast-server"], "the API is described where its types are"),
    ("utoipa-axum", &["holdfast-server"], "the API is served by holdfast-server alone"),
    ("rustic_core", &[], "the repository format is our own code (docs/adr/0001)"),
    ("rustic_backend", &[], "storage drivers are our own (docs/adr/0001)"),
    ("openssl", &[], "one TLS library is enough"),
    ("openssl-sys", &[], "one TLS library is enough"),
    ("proptest", &[], "it is for tests"),
];

/// Every edge that the tables do not allow.
pub(crate) fn check(workspace: &Workspace) -> Vec<Violation> {
    workspace.packages.iter().flat_map(|package| check_package(package, workspace)).collect()
}

fn check_package(package: &Package, workspace: &Workspace) -> Vec<Violation> {
    let name = package.name.as_str();
    let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
        return vec![violation(
            name,
            "has no place in the layers: give it one in xtask/src/layers.rs and ARCHITECTURE.md",
        )];
    };
    let mut found = Vec::new();
    for dependency in package.dependencies.iter().filter(|dependency| !dependency.is_dev()) {
        let other = dependency.name.as_str();
        let ours = workspace.packages.iter().any(|package| package.name == other);
        if ours && !allowed.contains(&other) {
            found.push(violation(name, &format!("must not import {other}: its layer allows {}", list(allowed))));
        }
        let fence = FENCES.iter().find(|(fenced, inside, _)| *fenced == other && !inside.contains(&name));
        if let Some((_, inside, why)) = fence {
            found.push(violation(name, &format!("must not import {other}, {} may: {why}", list(inside))));
        }
    }
    found
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn violation(name: &str, what: &str) -> Violation {
    Violation { place: format!("Cargo.toml of {name}"), line: 0, what: format!("{name} {what}") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdfast_testkit::{TempDir, Tree, temp_dir};

    use super::*;

    /// The manifests of this very workspace, in another place, without their code.
    fn copy_of_this_workspace() -> TempDir {
        let dir = temp_dir();
        let tree = Tree::create(dir.path());
        let workspace = Workspace::find().unwrap();
        let copy = |path: &str| {
            tree.file(path, std::fs::read(workspace.root.join(path)).unwrap());
        };
        copy("Cargo.toml");
        for entry in std::fs::read_dir(workspace.root.join("crates")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            copy(&format!("crates/{name}/Cargo.toml"));
            tree.file(format!("crates/{name}/src/lib.rs"), "//! x");
        }
        copy("xtask/Cargo.toml");
        tree.file("xtask/src/lib.rs", "//! x");
        dir
    }

    fn add(dir: &Path, manifest: &str, section: &str, line: &str) {
        let path = dir.join(manifest);
        let text = std::fs::read_to_string(&path).unwrap();
        let header = format!("[{section}]\n");
        let text = if text.contains(&header) {
            text.replace(&header, &format!("{header}{line}\n"))
        } else {
            format!("{text}\n{header}{line}\n")
        };
        std::fs::write(&path, text).unwrap();
    }

    fn found(dir: &Path) -> Vec<String> {
        check(&Workspace::at(dir).unwrap()).into_iter().map(|violation| violation.what).collect()
    }

    /// What is found in the copy beyond what is found in this workspace itself, which one test alone answers for.
    fn added(dir: &Path) -> Vec<String> {
        let before = found(&Workspace::find().unwrap().root);
        found(dir).into_iter().filter(|what| !before.contains(what)).collect()
    }

    #[test]
    fn this_workspace_keeps_its_layers() {
        assert_eq!(found(copy_of_this_workspace().path()), Vec::<String>::new());
    }

    #[test]
    fn an_edge_from_the_agent_to_the_repository_is_found() {
        let dir = copy_of_this_workspace();
        add(dir.path(), "crates/agent/Cargo.toml", "dependencies", "holdfast-repo.workspace = true");
        let found = added(dir.path());
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("holdfast-agent must not import holdfast-repo: its layer allows"), "{found:?}");
    }

    #[test]
    fn every_edge_that_the_table_does_not_name_is_found() {
        let package = |name: &str, dependency: &str| Package {
            name: name.to_owned(),
            version: String::new(),
            dependencies: vec![crate::workspace::Dependency { name: dependency.to_owned(), kind: None }],
        };
        for (from, allowed) in LAYERS {
            for (to, _) in LAYERS.iter().filter(|(to, _)| to != from) {
                let packages = vec![package(from, to), package(to, "serde")];
                let workspace = Workspace { root: "".into(), target: "".into(), packages };
                assert_eq!(check(&workspace).is_empty(), allowed.contains(to), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn a_build_dependency_is_an_edge_too() {
        let dir = copy_of_this_workspace();
        add(dir.path(), "crates/chunker/Cargo.toml", "build-dependencies", "holdfast-model.workspace = true");
        assert_eq!(added(dir.path()), ["holdfast-chunker must not import holdfast-model: its layer allows none"]);
    }

    #[test]
    fn tests_may_use_the_testkit_and_what_is_shipped_may_not() {
        let dir = copy_of_this_workspace();
        add(dir.path(), "crates/handover/Cargo.toml", "dev-dependencies", "holdfast-testkit.workspace = true");
        assert_eq!(added(dir.path()), Vec::<String>::new());
        add(dir.path(), "crates/repo/Cargo.toml", "dependencies", "holdfast-testkit = { path = \"../testkit\" }");
        let found = added(dir.path());
        assert!(found.len() == 1 && found[0].contains("holdfast-repo must not import holdfast-testkit"), "{found:?}");
    }

    #[test]
    fn fenced_crates_of_others_are_found_outside_their_fence() {
        let dir = copy_of_this_workspace();
        add(dir.path(), "crates/wire/Cargo.toml", "dependencies", "tokio = \"1\"");
        add(dir.path(), "crates/handover/Cargo.toml", "dependencies", "anyhow = \"1\"");
        let mut found = added(dir.path());
        found.sort();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("holdfast-handover must not import anyhow"), "{found:?}");
        assert!(found[1].starts_with("holdfast-wire must not import tokio, holdfast-store"), "{found:?}");
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        let dir = copy_of_this_workspace();
        let tree = Tree::create(dir.path());
        let manifest = "[package]\nname = \"holdfast-extra\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        tree.file("crates/extra/Cargo.toml", manifest).file("crates/extra/src/lib.rs", "");
        let found = added(dir.path());
        assert!(found.len() == 1 && found[0].starts_with("holdfast-extra has no place"), "{found:?}");
    }
}
