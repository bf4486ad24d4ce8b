//! What a backup leaves out, as restic decides it.
//!
//! By name: patterns over absolute paths. By tag: a directory that holds a certain file keeps that file alone. By
//! metadata: size, file system. Patterns are matched elsewhere; where the walk goes is not known here.

use std::sync::Arc;

use holdfast_model::pattern::PatternList;
use holdfast_wire::Filter as Spec;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::OFlags;
use rustix::io;

use super::handle::{HandleCache, open_unseen};
use super::stat::{Kind, Stat};

/// The signature of a cache directory: <https://bford.info/cachedir/>.
const CACHEDIR: &str = "CACHEDIR.TAG:Signature: 8a477f597d28d172789f06886806bc55";
/// More of a tag's header is not compared; a longer one can't match.
const MAX_HEADER: usize = 64 << 10;

/// A filter that is ready to use.
pub(crate) struct Filter {
    exclude: PatternList,
    iexclude: PatternList,
    tags: Vec<Arc<Tag>>,
    larger_than: Option<u64>,
    pub(crate) one_file_system: bool,
}

/// The name of a file that marks its directory, and what it must begin with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    name: Vec<u8>,
    header: Vec<u8>,
}

impl Tag {
    fn new(spec: &str) -> Result<Arc<Self>, String> {
        let (name, header) = spec.split_once(':').unwrap_or((spec, ""));
        if name.is_empty() {
            return Err(format!("{spec:?} names no file: write --exclude-if-present NAME or NAME:HEADER"));
        }
        Ok(Arc::new(Self { name: name.into(), header: header.into() }))
    }

    fn marks(&self, dir: &OwnedFd, cache: &HandleCache) -> bool {
        match Stat::at(dir.as_fd(), self.name.as_slice()) {
            Ok(_) if self.header.is_empty() => true,
            Ok(stat) if stat.kind == Kind::File => self.has_header(dir, cache).unwrap_or(false),
            _ => false,
        }
    }

    fn has_header(&self, dir: &OwnedFd, cache: &HandleCache) -> io::Result<bool> {
        if self.header.len() > MAX_HEADER {
            return Ok(false);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = cache.retry(|| open_unseen(dir, &self.name, flags))?;
        let mut start = vec![0; self.header.len()];
        let mut read = 0;
        while read < start.len() {
            match rustix::io::pread(&file, &mut start[read..], read as u64)? {
                0 => return Ok(false),
                n => read += n,
            }
        }
        Ok(start == self.header)
    }
}

impl Filter {
    /// Fails with a sentence about what can't be used.
    pub(crate) fn new(spec: &Spec) -> Result<Self, String> {
        let caches = spec.exclude_caches.then_some(CACHEDIR);
        let tags = caches.into_iter().chain(spec.exclude_if_present.iter().map(String::as_str));
        Ok(Self {
            exclude: PatternList::parse(&spec.exclude, false).map_err(|error| error.to_string())?,
            iexclude: PatternList::parse(&spec.iexclude, true).map_err(|error| error.to_string())?,
            tags: tags.map(Tag::new).collect::<Result<_, _>>()?,
            larger_than: spec.exclude_larger_than,
            one_file_system: spec.one_file_system,
        })
    }

    /// Whether the path alone excludes it.
    pub(crate) fn excludes_path(&self, path: &[u8]) -> bool {
        self.exclude.matches(path) || self.iexclude.matches(path)
    }

    /// Whether its metadata exclude it. Directories of other file systems stay, without what is in them: see the walk.
    pub(crate) fn excludes_stat(&self, stat: &Stat, device: Option<u64>) -> bool {
        stat.kind != Kind::Dir
            && (self.larger_than.is_some_and(|limit| stat.size > limit)
                || device.is_some_and(|device| stat.device != device))
    }

    /// The tags that mark a directory. Each excludes everything in it but itself.
    pub(crate) fn tags_in(&self, dir: &OwnedFd, cache: &HandleCache) -> Vec<Arc<Tag>> {
        self.tags.iter().filter(|tag| tag.marks(dir, cache)).cloned().collect()
    }
}

/// Whether tags exclude a name in the directory that they mark.
pub(crate) fn tagged(tags: &[Arc<Tag>], name: &[u8]) -> bool {
    tags.iter().any(|tag| tag.name != name)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;

    fn marked(dir: &std::path::Path, spec: &str) -> bool {
        Tag::new(spec).unwrap().marks(&File::open(dir).unwrap().into(), &HandleCache::new())
    }

    #[test]
    fn a_tag_marks_by_name_and_header() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!marked(dir.path(), ".nobackup"));
        fs::write(dir.path().join(".nobackup"), "yes: please").unwrap();
        assert!(marked(dir.path(), ".nobackup"));
        assert!(marked(dir.path(), ".nobackup:yes: pl"));
        assert!(!marked(dir.path(), ".nobackup:no"));
        assert!(!marked(dir.path(), ".nobackup:yes: please, more"));
    }

    #[test]
    fn a_tag_that_is_no_file_has_no_header() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("tag");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(!marked(dir.path(), "tag:x"), "and nothing waits for it");
        assert!(marked(dir.path(), "tag"));
    }

    #[test]
    fn a_cache_directory_needs_the_signature() {
        let dir = tempfile::tempdir().unwrap();
        let tag = dir.path().join("CACHEDIR.TAG");
        fs::write(&tag, "Signature: 8a477f597d28d172789f06886806bc54").unwrap();
        assert!(!marked(dir.path(), CACHEDIR));
        fs::write(&tag, "Signature: 8a477f597d28d172789f06886806bc55\n# cache\n").unwrap();
        assert!(marked(dir.path(), CACHEDIR));
    }

    #[test]
    fn two_tags_exclude_each_other() {
        let tags = [Tag::new("a").unwrap(), Tag::new("b").unwrap()];
        assert!(tagged(&tags, b"a") && tagged(&tags, b"b") && tagged(&tags, b"c"));
        assert!(!tagged(&tags[..1], b"a") && tagged(&tags[..1], b"b"));
        assert!(!tagged(&[], b"a"));
        assert!(Tag::new(":x").is_err());
    }
}
