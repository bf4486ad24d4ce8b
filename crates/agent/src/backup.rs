//! A backup: walk everything, tell what the server wants to know, read what it wants to have.
//!
//! Memory is bounded whatever the tree: listings, contents and directories to enter have budgets, and every wait is
//! for the server or for a thread that waits for nothing but the server.

mod announce;
mod context;
mod crew;
mod digest;
mod elsewhere;
mod filter;
mod handle;
mod listing;
mod node;
mod owners;
mod place;
mod read;
mod record;
mod requests;
mod roots;
mod scan;
mod stat;
mod tell;
mod tell_again;
mod walk;
mod xattr;

use std::path::Path;
use std::sync::Arc;

use holdfast_wire::{BackupJob, Entry, FromAgent, ToAgent};
use parking_lot::Mutex;

use self::announce::Announcer;
use self::context::{Context, Walked, explain};
use self::crew::Crew;
use self::digest::Digester;
use self::elsewhere::Elsewhere;
use self::filter::Filter;
use self::handle::{DirHandle, HandleCache};
use self::listing::WalkingBytes;
use self::node::Node;
use self::owners::{Names, Owners};
use self::place::{Extent, Place};
use self::read::Reader;
use self::requests::Requests;
use self::roots::RootNode;
use self::tell_again::Relister;
use self::walk::Walker;
use crate::chunks::Chunks;
use crate::cutter::{Cutter, LARGEST};
use crate::outbox::Outbox;
use crate::stop::{Gate, Stop, Stopped};
use crate::threads::{Threads, processors};
use crate::window::{UNANNOUNCED, Window};
use crate::{AgentError, Downlink, Options, Uplink};

/// Bytes of contents that are held at one time.
pub(crate) const WINDOW: usize = 20 << 20;
/// Threads that read, at most.
const READERS: usize = 4;
// Whatever the readers hold back, the largest chunk has room, and who waits finds what it waits for.
const _: () = assert!(LARGEST + (64 << 10) + READERS * UNANNOUNCED <= WINDOW);

/// A backup under way, shared by its threads.
pub(crate) struct Backup {
    context: Context,
    crew: Arc<Gate<Crew>>,
    walking: WalkingBytes,
    requests: Arc<Gate<Requests>>,
    chunks: Arc<Chunks>,
    window: Window,
    cutter: Cutter,
    owners: Mutex<Option<Owners>>,
    /// Whether symbolic links are followed on the way to a root.
    follow_ways: bool,
}

/// Does a backup job.
pub(crate) fn run(
    job: &BackupJob,
    up: &Arc<dyn Uplink>,
    down: &mut impl Downlink,
    options: Options,
) -> Result<(), AgentError> {
    let stop = Stop::new(Arc::clone(up));
    let backup = match Backup::new(job, up, &stop, &options) {
        Ok(backup) => Arc::new(backup),
        Err(message) => {
            stop.fail(AgentError::Refused { message });
            return stop.result();
        }
    };
    let mut threads = Threads::new(&stop);
    let top = backup.begin(job, &mut threads);
    let log = options.send_log;
    let chunks = Arc::clone(&backup.chunks);
    threads.start("sender", move || chunks.send_wanted(log));
    if let Err(error) = top {
        stop.fail(error);
    }
    let answered = backup.answer(down);
    if let Err(error) = answered {
        stop.fail(error);
        // Whoever hangs in a system call is left behind: the session is lost anyway.
        return stop.result();
    }
    stop.finish();
    threads.join();
    stop.result()
}

impl Backup {
    fn new(job: &BackupJob, up: &Arc<dyn Uplink>, stop: &Arc<Stop>, options: &Options) -> Result<Self, String> {
        let outbox = Outbox::new(Arc::clone(up), stop, job.credit);
        let now = options.clock.instant();
        Ok(Self {
            context: Context {
                filter: Filter::new(&job.filter)?,
                digester: Digester::new(job),
                elsewhere: job.filter.local_only.then(|| Elsewhere::read(job.roots.iter().map(|root| root.as_slice()))),
                atime: job.atime,
                clock: Arc::clone(&options.clock),
                outbox: Arc::clone(&outbox),
                stop: Arc::clone(stop),
                announcer: Announcer::new(now),
                walked: Walked::new(now),
            },
            crew: Gate::new(stop, Crew::default()),
            walking: WalkingBytes::default(),
            requests: Gate::new(stop, Requests::default()),
            chunks: Chunks::new(&outbox, stop),
            window: Window::new(stop, WINDOW),
            cutter: Cutter::new(&job.chunker)?,
            owners: Mutex::default(),
            follow_ways: !options.config.limits_paths(),
        })
    }

    /// Starts all threads, the first of them at the root.
    fn begin(self: &Arc<Self>, job: &BackupJob, threads: &mut Threads) -> Result<(), AgentError> {
        let (roots, wrong) = RootNode::new(job.roots.iter().map(|root| root.as_slice()));
        let refused = |error| AgentError::Refused { message: format!("the client can't open /: {}", explain(error)) };
        let handle = DirHandle::root(&HandleCache::new()).map_err(refused)?;
        let device = self.context.filter.one_file_system.then(|| handle.device());
        let extent = if roots.is_root { Extent::All } else { Extent::Way };
        let place = Place { handle, extent, roots: Some(roots), device };
        let top = walk::session_root(place);
        let wrong: Vec<Vec<u8>> = wrong.into_iter().map(<[u8]>::to_vec).collect();
        self.start(threads, top, wrong);
        Ok(())
    }

    fn start(self: &Arc<Self>, threads: &mut Threads, top: Arc<Node>, wrong: Vec<Vec<u8>>) {
        let mut walker = Walker::new(self);
        let context = Arc::clone(self);
        threads.start("walker", move || {
            for root in wrong {
                let message = "it is no absolute path: write it from the root of the file system, without ..";
                context.context.outbox.problem(&root, "open", message)?;
            }
            walker.list(&top, None)?;
            drop(top);
            walker.run()
        });
        for _ in 1..(2 * processors()).clamp(2, 8) {
            let walker = Walker::new(self);
            threads.start("walker", move || walker.run());
        }
        let relister = Relister::new(self);
        threads.start("relister", move || relister.run());
        for _ in 0..processors().min(READERS) {
            let reader = Reader::new(self);
            threads.start("reader", move || reader.run());
        }
    }

    /// Takes what the server says until it has all it wants. Never waits for anything else: credit comes this way.
    fn answer(&self, down: &mut impl Downlink) -> Result<(), AgentError> {
        loop {
            match crate::serve::next_message(down)? {
                ToAgent::Credit { bytes } => self.context.outbox.grant(bytes),
                ToAgent::WantDirs { upto, wanted } => {
                    let wanted = self.context.announcer.answered(upto, &wanted)?;
                    self.crew.change(|crew| crew.want(wanted));
                }
                ToAgent::WantFiles { dir, entries } => {
                    self.requests.change(|requests| requests.answered(dir, &entries))?;
                }
                ToAgent::WantChunks(answers) => self.chunks.answered(&answers)?,
                ToAgent::Finish => return Ok(()),
                other => return Err(crate::serve::unexpected(&other)),
            }
        }
    }

    /// Tells the names of owners before the first entry that has them.
    fn tell_owners(&self, entries: &[Entry]) -> Result<(), Stopped> {
        // Held until they are sent: another thread may need the same ones first.
        let mut owners = self.owners.lock();
        let owners = owners.get_or_insert_with(|| Owners::read(Path::new("/etc")));
        let names = owners.untold(entries);
        if names.is_empty() {
            return Ok(());
        }
        let Names { users, groups } = names;
        self.context.outbox.send(FromAgent::Owners { users, groups })
    }
}
