//! Which paths of a snapshot are restored: `--include` and `--exclude`, as restic reads them.

use anyhow::Result;
use holdfast_model::pattern::PatternList;
use holdfast_pull::{Origin, Selection};

use crate::args::RestoreArgs;

/// Patterns, of one of the two sorts.
pub struct Patterns {
    include: Option<[PatternList; 2]>,
    exclude: [PatternList; 2],
}

impl Patterns {
    /// Reads the options.
    pub fn new(args: &RestoreArgs) -> Result<Self> {
        let lists = |exact: &[String], any_case: &[String]| -> Result<[PatternList; 2]> {
            Ok([PatternList::parse(exact, false)?, PatternList::parse(any_case, true)?])
        };
        let includes = !(args.include.is_empty() && args.iinclude.is_empty());
        Ok(Self {
            include: includes.then(|| lists(&args.include, &args.iinclude)).transpose()?,
            exclude: lists(&args.exclude, &args.iexclude)?,
        })
    }

    /// Whether everything is restored.
    pub fn is_empty(&self) -> bool {
        self.include.is_none() && self.exclude.iter().all(PatternList::is_empty)
    }

    /// What of it is restored from there on.
    pub fn of<'a>(&'a self, origin: &'a Origin) -> Chosen<'a> {
        Chosen { patterns: self, origin }
    }
}

/// The patterns as they are seen from where the restore starts.
pub struct Chosen<'a> {
    patterns: &'a Patterns,
    origin: &'a Origin,
}

impl Selection for Chosen<'_> {
    fn selects(&self, path: &[u8], is_dir: bool) -> bool {
        self.origin.selects(path) && self.patterns.selects(path, is_dir)
    }

    fn may_select_beneath(&self, path: &[u8]) -> bool {
        self.patterns.may_select_beneath(path)
    }
}

impl Selection for Patterns {
    fn selects(&self, path: &[u8], _is_dir: bool) -> bool {
        match &self.include {
            Some(lists) => lists.iter().any(|list| list.matches(path)),
            None => !self.exclude.iter().any(|list| list.matches(path)),
        }
    }

    fn may_select_beneath(&self, path: &[u8]) -> bool {
        match &self.include {
            Some(lists) => lists.iter().any(|list| list.matches(path) || list.child_may_match(path)),
            None => self.selects(path, true),
        }
    }
}
