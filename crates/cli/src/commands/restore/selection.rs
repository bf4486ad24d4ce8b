//! Which paths of a snapshot are restored: `--include` and `--exclude`, as restic reads them.

use anyhow::Result;
use holdfast_model::pattern::PatternList;
use holdfast_pull::Selection;

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
