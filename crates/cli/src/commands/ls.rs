//! `holdfast ls`

use std::io::Write;

use anyhow::Result;
use holdfast_model::TreeId;
use holdfast_model::monitor::ItemError;
use holdfast_repo::Repository;
use holdfast_repo::catalogue::{CatalogueError, Place, Walk, resolve, split};
use holdfast_repo::tree::Node;
use serde::Serialize;

use super::chosen::{self, Part};
use super::{entry, snapshots};
use crate::args::LsArgs;
use crate::exit::Exit;
use crate::{Context, local_time};

/// The first line of `restic ls --json`.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(flatten)]
    snapshot: snapshots::Listed<'a>,
    message_type: &'static str,
    struct_type: &'static str,
}

/// Lists the files of a snapshot.
pub fn run(context: &Context, args: &LsArgs) -> Result<Exit> {
    let (repository, _lock) = chosen::for_reading(context)?;
    let part = Part::find(&repository, &args.snapshot, &snapshots::filter(&args.filter))?;
    let root = part.directory()?;
    let mut listing =
        Listing { context, repository: &repository, long: args.long, out: context.output.stream(), failed: false };
    context.output.finish();
    listing.head(&part)?;
    if args.paths.is_empty() {
        listing.beneath(b"/", root)?;
    }
    for path in &args.paths {
        listing.path(root, path)?;
    }
    listing.out.flush()?;
    Ok(if listing.failed { Exit::Failed } else { Exit::Done })
}

struct Listing<'a, W: Write> {
    context: &'a Context,
    repository: &'a Repository,
    long: bool,
    out: W,
    failed: bool,
}

impl<W: Write> Listing<'_, W> {
    /// Says which snapshot it is: in JSON to all, else beside the listing, which holds nothing but paths.
    fn head(&mut self, part: &Part) -> Result<()> {
        let snapshot = &part.snapshot;
        if self.context.output.is_json() {
            let listed = snapshots::Listed::new(snapshot);
            let head = Head { snapshot: listed, message_type: "snapshot", struct_type: "snapshot" };
            serde_json::to_writer(&mut self.out, &head).map_err(std::io::Error::from)?;
            self.out.write_all(b"\n")?;
        } else {
            let time = local_time::show(snapshot.time);
            let of = format!(
                "snapshot {} of {} at {time}",
                snapshot.id.short(),
                crate::output::path(snapshot.hostname.as_bytes())
            );
            self.context.output.monitor().note(&of);
        }
        Ok(())
    }

    /// A path that was asked for, and what lies beneath.
    fn path(&mut self, root: TreeId, path: &str) -> Result<()> {
        match resolve(self.repository.engine(), root, path.as_bytes())? {
            Place::Root(tree) => self.beneath(b"/", tree),
            Place::Node(node) => {
                let names = split(path.as_bytes());
                let clean: Vec<u8> = names.iter().flat_map(|name| [b"/", *name].concat()).collect();
                self.entry(&clean, &node)?;
                node.subtree().map_or(Ok(()), |tree| self.beneath(&clean, tree))
            }
        }
    }

    fn beneath(&mut self, path: &[u8], tree: TreeId) -> Result<()> {
        for found in Walk::new(self.repository.engine(), path, tree) {
            self.context.cancel.check()?;
            match found {
                Ok(found) => self.entry(&found.path, found.node())?,
                Err(error) => {
                    unreadable(self.context, error);
                    self.failed = true;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &[u8], node: &Node) -> Result<()> {
        if self.context.output.is_json() {
            serde_json::to_writer(&mut self.out, &entry::Listed::new(path, node)).map_err(std::io::Error::from)?;
            self.out.write_all(b"\n")?;
        } else {
            writeln!(self.out, "{}", entry::line(path, node, self.long))?;
        }
        Ok(())
    }
}

/// Reports a directory of a snapshot that can't be read.
pub fn unreadable(context: &Context, error: CatalogueError) {
    let path = match &error {
        CatalogueError::Read { path, .. } | CatalogueError::Node { path, .. } => path.clone(),
        _ => "/".to_owned(),
    };
    let message = crate::failure::sentence(&error.into());
    context.output.monitor().item_error(&ItemError { path, during: "read".to_owned(), message });
}
