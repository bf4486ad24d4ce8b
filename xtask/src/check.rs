//! Everything that must hold before a merge, quickest first.

use anyhow::{Context, Result};

use crate::command::{cargo, run};
use crate::workspace::Workspace;
use crate::{test, tidy};

pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    run(cargo().args(["fmt", "--all", "--check"])).context("run `cargo fmt --all`")?;
    tidy::run(workspace)?;
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut doc = cargo();
    // For developers: links to what is private are what they want.
    doc.args(["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links");
    run(&mut doc)?;
    test::run(workspace, None)
}
