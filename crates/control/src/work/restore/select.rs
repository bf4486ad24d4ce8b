//! What of a snapshot is restored: paths of it and patterns, all of which must agree.

use holdfast_model::job::restore::Select;
use holdfast_model::monitor::ItemError;
use holdfast_model::pattern::PatternList;
use holdfast_model::snapshot_path::holds;
use holdfast_model::{Monitor, SnapshotPath};
use holdfast_pull::{Origin, Selection};
use holdfast_repo::Repository;
use holdfast_repo::catalogue::{CatalogueError, resolve};

use super::Failure;

/// Patterns in either sort.
type Patterns = [PatternList; 2];

/// What was chosen, seen from where the restore starts.
pub(super) struct Chosen {
    origin: Origin,
    paths: Vec<SnapshotPath>,
    include: Option<Patterns>,
    exclude: Patterns,
}

impl Chosen {
    /// Reads what was chosen and looks for its paths; gives back how many of those are not there. One at least must be.
    pub(super) fn find(
        select: &Select,
        repository: &Repository,
        origin: &Origin,
        monitor: &dyn Monitor,
    ) -> Result<(Self, u64), Failure> {
        let (chosen, mut missing, mut last) = (Self::new(select, origin)?, 0, None);
        for path in &chosen.paths {
            match resolve(repository.engine(), origin.tree, path.as_bytes()) {
                Ok(_) => {}
                Err(error @ (CatalogueError::NotFound { .. } | CatalogueError::NotADirectory { .. })) => {
                    missing += 1;
                    let message = error.to_string();
                    monitor.item_error(&ItemError { path: path.to_string(), during: "look up".into(), message });
                    last = Some(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        match last {
            Some(error) if missing == chosen.paths.len() as u64 => Err(error.into()),
            _ => Ok((chosen, missing)),
        }
    }

    fn new(select: &Select, origin: &Origin) -> Result<Self, Failure> {
        let list = |patterns: &[String], any_case| {
            PatternList::parse(patterns, any_case).map_err(|error| Failure::configuration(error.to_string()))
        };
        let lists = |exact: &[String], any_case: &[String]| -> Result<Patterns, Failure> {
            Ok([list(exact, false)?, list(any_case, true)?])
        };
        let includes = !(select.include.is_empty() && select.include_any_case.is_empty());
        Ok(Self {
            origin: origin.clone(),
            paths: select.paths.clone(),
            include: includes.then(|| lists(&select.include, &select.include_any_case)).transpose()?,
            exclude: lists(&select.exclude, &select.exclude_any_case)?,
        })
    }

    /// Whether everything is restored.
    pub(super) fn is_all(&self) -> bool {
        let no_paths = self.paths.is_empty() || self.paths.iter().any(SnapshotPath::is_root);
        self.origin.is_root() && no_paths && self.include.is_none() && self.exclude.iter().all(PatternList::is_empty)
    }

    /// Beneath which paths all of what the snapshot holds is restored, and the snapshot holds all that there was: what it does
    /// not hold may be deleted there. None, where patterns choose.
    pub(super) fn whole_beneath(&self, roots: &[String]) -> Vec<Vec<u8>> {
        if self.include.is_some() || !self.exclude.iter().all(PatternList::is_empty) {
            return Vec::new();
        }
        let all = [SnapshotPath::root()];
        let paths = if self.paths.is_empty() { &all[..] } else { &self.paths };
        let mut whole = Vec::new();
        for root in roots.iter().map(|root| root.as_bytes()) {
            for path in paths {
                if holds(root, path.as_bytes()) {
                    whole.push(path.as_bytes().to_vec());
                } else if path.holds(root) {
                    whole.push(root.to_vec());
                }
            }
        }
        whole
    }

    fn is_excluded(&self, path: &[u8]) -> bool {
        self.exclude.iter().any(|list| list.matches(path))
    }
}

impl Selection for Chosen {
    fn selects(&self, path: &[u8], _is_dir: bool) -> bool {
        let is_in = self.paths.is_empty() || self.paths.iter().any(|chosen| chosen.holds(path));
        let is_included = || self.include.as_ref().is_none_or(|lists| lists.iter().any(|list| list.matches(path)));
        self.origin.selects(path) && is_in && is_included() && !self.is_excluded(path)
    }

    fn may_select_beneath(&self, path: &[u8]) -> bool {
        let leads = |chosen: &SnapshotPath| chosen.holds(path) || holds(path, chosen.as_bytes());
        let may_match = |list: &PatternList| list.matches(path) || list.child_may_match(path);
        let leads_in = self.paths.is_empty() || self.paths.iter().any(leads);
        let may_include = || self.include.as_ref().is_none_or(|lists| lists.iter().any(may_match));
        leads_in && may_include() && !self.is_excluded(path)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_model::TreeId;

    use super::*;

    fn chosen(paths: &[&str], include: &[&str], exclude: &[&str]) -> Chosen {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let select = Select {
            paths: paths.iter().map(|path| path.parse().unwrap()).collect(),
            include: texts(include),
            exclude: texts(exclude),
            ..Select::default()
        };
        Chosen::new(&select, &Origin::all(TreeId::new([1; 32]))).unwrap()
    }

    #[test]
    fn paths_and_patterns_must_agree() {
        let chosen = chosen(&["/etc/nginx", "/srv"], &["*.conf"], &["old"]);
        for path in ["/etc/nginx/a.conf", "/srv/x/b.conf"] {
            assert!(chosen.selects(path.as_bytes(), false), "{path}");
        }
        for path in ["/etc/a.conf", "/srv/x", "/srv/old/b.conf", "/etc/nginx"] {
            assert!(!chosen.selects(path.as_bytes(), false), "{path}");
        }
        for (path, leads) in [("/etc", true), ("/srv/x", true), ("/var", false), ("/srv/old", false)] {
            assert_eq!(chosen.may_select_beneath(path.as_bytes()), leads, "{path}");
        }
    }

    #[test]
    fn only_where_all_is_restored_may_something_be_deleted() {
        let roots = ["/etc".to_owned(), "/srv/www".to_owned()];
        let whole = |chosen: Chosen| {
            let whole = chosen.whole_beneath(&roots).into_iter();
            whole.map(|path| String::from_utf8(path).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(whole(chosen(&[], &[], &[])), ["/etc", "/srv/www"]);
        assert_eq!(whole(chosen(&["/etc/ssh", "/srv"], &[], &[])), ["/etc/ssh", "/srv/www"]);
        assert_eq!(whole(chosen(&["/var"], &[], &[])), [""; 0]);
        assert_eq!(whole(chosen(&[], &[], &["x"])), [""; 0]);
    }
}
