//! The server's side of a backup: asks for everything it does not know, checks every rule of the conversation that
//! it can see, and rebuilds the tree.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_agent::{AgentError, Options, serve};
use holdfast_chunker::sha256;
use holdfast_model::{BlobId, Clock, Timestamp};
use holdfast_wire::{
    BackupJob, ChunkRef, ChunkerSpec, DirDigest, DirEntries, Entry, EntryKind, FileOutcome, Filter, FromAgent, ToAgent,
    Version, encoded_len,
};

use crate::link::{ServerEnd, Up, link};

/// A directory as it was told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(pub(crate) BTreeMap<Vec<u8>, Node>);

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) entry: Entry,
    pub(crate) content: Vec<ChunkRef>,
    pub(crate) tree: Option<Rc<Tree>>,
}

/// What a server remembers between sessions.
#[derive(Default)]
pub(crate) struct Server {
    /// Trees by digest.
    pub(crate) memory: HashMap<[u8; 16], Rc<Tree>>,
    /// Chunks.
    pub(crate) blobs: HashMap<BlobId, Vec<u8>>,
    /// Files that are not asked for, for they are known by their times: as (inode, ctime).
    pub(crate) known_files: HashMap<(u64, Timestamp), Vec<ChunkRef>>,
    /// Bytes that may be on their way; nothing is counted without.
    pub(crate) window: Option<u64>,
    /// Whether contents are thrown away, for large trees.
    pub(crate) forgetful: bool,
}

/// What happens at the agent's messages before they are answered.
pub(crate) type Hook<'a> = &'a mut dyn FnMut(&FromAgent);

/// What was seen of a session.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) result: Option<Result<(), AgentError>>,
    pub(crate) refused: Option<String>,
    pub(crate) root: Option<Rc<Tree>>,
    pub(crate) root_digest: Option<DirDigest>,
    pub(crate) dirs: Vec<DirDigest>,
    /// Paths of the directories whose entries were told.
    pub(crate) told: Vec<Vec<u8>>,
    pub(crate) files_wanted: usize,
    pub(crate) chunks: usize,
    pub(crate) chunk_bytes: u64,
    pub(crate) problems: Vec<(Vec<u8>, String, String)>,
    /// What was left out for being no local data, and why.
    pub(crate) left_out: Vec<(String, String)>,
    pub(crate) walked: (u64, u64),
    pub(crate) users: HashMap<u32, String>,
    pub(crate) groups: HashMap<u32, String>,
    pub(crate) outcomes: Vec<FileOutcome>,
    pub(crate) most_on_the_way: u64,
    pub(crate) message_bytes: u64,
}

impl Seen {
    /// The node at an absolute path.
    pub(crate) fn node(&self, path: &std::path::Path) -> Option<&Node> {
        use std::os::unix::ffi::OsStrExt;
        let mut tree = self.root.as_ref()?;
        let mut names = path.as_os_str().as_bytes().split(|b| *b == b'/').skip(1).peekable();
        loop {
            let node = tree.0.get(names.next()?)?;
            if names.peek().is_none() {
                return Some(node);
            }
            tree = node.tree.as_ref()?;
        }
    }

    /// How many directories at or beneath a path had to be told. Those above may change at any time: they are shared.
    pub(crate) fn told_beneath(&self, path: &std::path::Path) -> usize {
        use std::os::unix::ffi::OsStrExt;
        let told = self.told.iter().map(|told| std::path::Path::new(std::ffi::OsStr::from_bytes(told)));
        told.filter(|told| told.starts_with(path)).count()
    }

    /// Paths of problems, and what was being done.
    pub(crate) fn problem_paths(&self) -> Vec<(&str, &str)> {
        let mut paths: Vec<_> = self
            .problems
            .iter()
            .map(|(path, during, _)| (std::str::from_utf8(path).unwrap(), during.as_str()))
            .collect();
        paths.sort_unstable();
        paths
    }
}

/// A clock for which everything that was just made is old.
pub(crate) struct Later(pub(crate) Duration);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        Timestamp::from(std::time::SystemTime::now() + self.0)
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

pub(crate) fn later() -> Options {
    Options { clock: Arc::new(Later(Duration::from_secs(3600))), ..Options::default() }
}

pub(crate) fn job(roots: &[&std::path::Path]) -> BackupJob {
    use std::os::unix::ffi::OsStrExt;
    BackupJob {
        roots: roots.iter().map(|root| root.as_os_str().as_bytes().to_vec().into()).collect(),
        filter: Filter::default(),
        chunker: ChunkerSpec::Gear { seed: [5; 32] },
        digest_seed: [6; 32],
        atime: false,
        compress: false,
        credit: u64::MAX,
    }
}

struct Dir {
    digest: DirDigest,
    known: Option<Rc<Tree>>,
    entries: Vec<Entry>,
    complete: bool,
}

struct Session<'a> {
    server: &'a mut Server,
    end: ServerEnd,
    seen: Seen,
    dirs: Vec<Dir>,
    root: Option<u64>,
    /// Directory and entry of each file that was asked for.
    files: Vec<(u64, u32)>,
    contents: Vec<(Vec<ChunkRef>, bool)>,
    open_files: usize,
    /// Chunks whose bytes are to come.
    coming: VecDeque<ChunkRef>,
    asked_chunks: HashSet<BlobId>,
    on_the_way: u64,
    /// Bytes of a chunk that is not complete.
    part: Vec<u8>,
}

impl Server {
    pub(crate) fn backup(&mut self, job: BackupJob) -> Seen {
        self.backup_with(job, later(), &mut |_| ())
    }

    /// One session, with something to do at each message of the agent before it is answered.
    pub(crate) fn backup_with(&mut self, job: BackupJob, options: Options, hook: Hook<'_>) -> Seen {
        let (up, down, end) = link();
        let agent = std::thread::spawn(move || serve(up, down, options));
        let mut seen = self.session(end, job, hook);
        seen.result = Some(agent.join().unwrap());
        seen
    }

    /// The server's part of a session.
    pub(crate) fn session(&mut self, end: ServerEnd, job: BackupJob, hook: Hook<'_>) -> Seen {
        self.session_and(end, job, hook, || ()).0
    }

    /// The same, and something to look at before the agent is told to finish.
    pub(crate) fn session_then<T>(&mut self, end: ServerEnd, job: BackupJob, look: impl FnOnce() -> T) -> (Seen, T) {
        self.session_and(end, job, &mut |_| (), look)
    }

    fn session_and<T>(
        &mut self,
        end: ServerEnd,
        mut job: BackupJob,
        hook: Hook<'_>,
        look: impl FnOnce() -> T,
    ) -> (Seen, T) {
        job.credit = self.window.unwrap_or(u64::MAX);
        let mut session = Session {
            server: self,
            end,
            seen: Seen::default(),
            dirs: Vec::new(),
            root: None,
            files: Vec::new(),
            contents: Vec::new(),
            open_files: 0,
            coming: VecDeque::new(),
            asked_chunks: HashSet::new(),
            on_the_way: 0,
            part: Vec::new(),
        };
        session.run(job, hook);
        let looked = look();
        (session.finish(), looked)
    }
}

impl Session<'_> {
    fn run(&mut self, job: BackupJob, hook: Hook<'_>) {
        let Ok(Up::Message(FromAgent::Hello(hello))) = self.end.up.recv() else { panic!("no hello") };
        assert_eq!(hello.negotiate(), Ok(Version::CURRENT));
        self.end.send(ToAgent::Welcome { version: Version::CURRENT });
        self.end.send(ToAgent::Backup(job));
        loop {
            let bytes = match self.end.up.recv().expect("the agent says how it ends") {
                Up::Message(FromAgent::Refused { message }) => {
                    self.seen.refused = Some(message);
                    return;
                }
                Up::Message(message) => {
                    hook(&message);
                    assert_eq!(message.validate(), Ok(()), "{message:?}");
                    let bytes = encoded_len(&message) as u64;
                    self.seen.message_bytes += bytes;
                    self.arrive(bytes);
                    self.message(message);
                    bytes
                }
                Up::Bytes(bytes) => {
                    let len = bytes.len() as u64;
                    self.arrive(len);
                    self.part.extend_from_slice(&bytes);
                    while let Some(next) = self.coming.front().filter(|next| next.len as usize <= self.part.len()) {
                        let chunk = self.part.drain(..next.len as usize).collect();
                        self.chunk(chunk);
                    }
                    len
                }
                Up::Chunk(bytes) => {
                    let len = bytes.len() as u64;
                    self.arrive(len);
                    self.chunk(bytes);
                    len
                }
            };
            self.acknowledge(bytes);
            if self.is_complete() {
                return;
            }
        }
    }

    fn arrive(&mut self, bytes: u64) {
        self.on_the_way += bytes;
        self.seen.most_on_the_way = self.seen.most_on_the_way.max(self.on_the_way);
        if let Some(window) = self.server.window {
            assert!(self.on_the_way <= window, "{} on the way, {window} granted", self.on_the_way);
        }
    }

    fn acknowledge(&mut self, bytes: u64) {
        if self.server.window.is_some() {
            self.on_the_way -= bytes;
            self.end.send(ToAgent::Credit { bytes });
        }
    }

    fn message(&mut self, message: FromAgent) {
        match message {
            FromAgent::Owners { users, groups } => {
                for (id, name) in users {
                    assert!(self.seen.users.insert(id, name).is_none(), "told twice");
                }
                for (id, name) in groups {
                    assert!(self.seen.groups.insert(id, name).is_none(), "told twice");
                }
            }
            FromAgent::Dirs(digests) => self.digests(digests),
            FromAgent::Entries(entries) => self.entries(entries),
            FromAgent::Chunks { file, chunks } => self.chunks(file, chunks),
            FromAgent::FileEnd(end) => {
                let content = &mut self.contents[end.file as usize];
                assert!(!std::mem::replace(&mut content.1, true), "ended twice");
                self.open_files -= 1;
                if let FileOutcome::StoredAs(entry) = &end.outcome {
                    let (dir, index) = self.files[end.file as usize];
                    self.dirs[dir as usize].entries[index as usize] = (**entry).clone();
                }
                self.seen.outcomes[end.file as usize] = end.outcome;
            }
            FromAgent::Problem { path, during, message } => {
                self.seen.problems.push((path.into_vec(), during, message));
            }
            FromAgent::LeftOut { path, why } => {
                self.seen.left_out.push((String::from_utf8(path.into_vec()).unwrap(), why));
            }
            FromAgent::Walked { files, bytes } => self.seen.walked = (files, bytes),
            FromAgent::Root { dir } => {
                assert!(self.root.replace(dir).is_none());
                assert_eq!(dir as usize, self.dirs.len() - 1, "the root is the last directory");
            }
            other => panic!("{other:?} in a backup"),
        }
    }

    fn digests(&mut self, digests: Vec<DirDigest>) {
        let first = self.dirs.len() as u64;
        let mut wanted = Vec::new();
        for (number, digest) in (first..).zip(digests) {
            let known = self.server.memory.get(&digest.digest).cloned();
            if known.is_none() {
                wanted.push(number);
            }
            self.seen.dirs.push(digest);
            let complete = known.is_some();
            self.dirs.push(Dir { digest, known, entries: Vec::new(), complete });
        }
        self.end.send(ToAgent::WantDirs { upto: self.dirs.len() as u64, wanted });
    }

    fn entries(&mut self, told: DirEntries) {
        let dir = &mut self.dirs[told.dir as usize];
        assert!(!dir.complete, "not asked for");
        let first = dir.entries.len() as u32;
        let mut wanted = Vec::new();
        for (index, entry) in (first..).zip(&told.entries) {
            match entry.kind {
                EntryKind::Dir { number } => assert!(number < told.dir, "subdirectories come first"),
                EntryKind::File { .. } => match self.server.known_files.get(&(entry.inode, entry.ctime)) {
                    Some(_) => {}
                    None => wanted.push(index),
                },
                _ => {}
            }
        }
        dir.entries.extend(told.entries);
        if let Some(last) = told.last {
            self.seen.told.push(told.path.into_vec());
            dir.complete = true;
            dir.digest = last;
        }
        self.seen.files_wanted += wanted.len();
        for index in &wanted {
            self.files.push((told.dir, *index));
            self.contents.push((Vec::new(), false));
            self.seen.outcomes.push(FileOutcome::Failed);
            self.open_files += 1;
        }
        self.end.send(ToAgent::WantFiles { dir: told.dir, entries: wanted });
    }

    fn chunks(&mut self, file: u64, chunks: Vec<ChunkRef>) {
        self.seen.chunks += chunks.len();
        let mut answers = Vec::new();
        for chunk in &chunks {
            let wanted = !self.server.blobs.contains_key(&chunk.id) && self.asked_chunks.insert(chunk.id);
            answers.push(wanted);
            if wanted {
                self.coming.push_back(*chunk);
            }
        }
        let content = &mut self.contents[file as usize];
        assert!(!content.1, "chunks after the end");
        if !self.server.forgetful {
            content.0.extend(chunks);
        }
        self.end.send(ToAgent::WantChunks(answers.into_iter().collect()));
    }

    fn chunk(&mut self, bytes: Vec<u8>) {
        let expected = self.coming.pop_front().expect("a chunk that was not asked for");
        assert_eq!((BlobId::new(sha256(&bytes)), bytes.len() as u32), (expected.id, expected.len));
        self.seen.chunk_bytes += bytes.len() as u64;
        let bytes = if self.server.forgetful { Vec::new() } else { bytes };
        self.server.blobs.insert(expected.id, bytes);
    }

    fn is_complete(&self) -> bool {
        self.root.is_some()
            && self.open_files == 0
            && self.coming.is_empty()
            && self.dirs.iter().all(|dir| dir.complete)
    }

    fn finish(mut self) -> Seen {
        self.end.send(ToAgent::Finish);
        let Some(root) = self.root else { return self.seen };
        let mut seen = std::mem::take(&mut self.seen);
        seen.root_digest = Some(self.dirs[root as usize].digest);
        if !self.server.forgetful {
            seen.root = Some(self.rebuild(&seen.outcomes, root));
        }
        seen
    }

    /// Builds all trees, in the order of numbers, and remembers those that may be.
    fn rebuild(&mut self, outcomes: &[FileOutcome], root: u64) -> Rc<Tree> {
        let mut contents: HashMap<(u64, u32), usize> = HashMap::new();
        for (file, place) in self.files.iter().enumerate() {
            contents.insert(*place, file);
        }
        let mut trees: Vec<(Rc<Tree>, bool)> = Vec::new();
        for (number, dir) in self.dirs.iter().enumerate() {
            if let Some(known) = &dir.known {
                trees.push((Rc::clone(known), true));
                continue;
            }
            let mut memorable = dir.digest.memorable;
            let mut tree = Tree::default();
            for (index, entry) in dir.entries.iter().enumerate() {
                let mut node = Node { entry: entry.clone(), content: Vec::new(), tree: None };
                if let EntryKind::Dir { number } = entry.kind {
                    node.entry.kind = EntryKind::Dir { number: 0 };
                    let (tree, child_memorable) = &trees[number as usize];
                    memorable &= child_memorable;
                    node.tree = Some(Rc::clone(tree));
                }
                if let EntryKind::File { .. } = entry.kind {
                    let file = contents.get(&(number as u64, index as u32));
                    memorable &= file.is_none_or(|file| outcomes[*file] == FileOutcome::Stored);
                    match file {
                        Some(file) if outcomes[*file] == FileOutcome::Failed => continue,
                        Some(file) => {
                            node.content = self.contents[*file].0.clone();
                            self.server.known_files.insert((entry.inode, entry.ctime), node.content.clone());
                        }
                        None => node.content = self.server.known_files[&(entry.inode, entry.ctime)].clone(),
                    }
                }
                assert!(tree.0.insert(entry.name.to_vec(), node).is_none(), "{:?} twice", entry.name);
            }
            let tree = Rc::new(tree);
            if memorable {
                self.server.memory.insert(dir.digest.digest, Rc::clone(&tree));
            }
            trees.push((tree, memorable));
        }
        Rc::clone(&trees[root as usize].0)
    }
}
