//! The list of what is measured.

use super::corpus::Corpus;
use super::yardstick::{self, Yardstick};

/// One piece of work that all programs do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    /// What it is called on the command line and in the results.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) corpus: Corpus,
    pub(super) task: Task,
    /// Over SSH: ours pulls, the others push.
    pub(super) ssh: bool,
}

/// What is timed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    /// Opening an empty repository: starting the program and deriving the key.
    Open,
    First,
    Again,
    /// Again, after the corpus was changed.
    Changed,
    Restore,
    /// Restore of the directory that has a hundred files.
    RestoreDir,
    Check,
    /// Prune, after the older half of twenty snapshots was forgotten.
    Prune,
    /// A list of ten thousand snapshots.
    List,
    Ls,
    /// The same by our engine alone, which has the repository open.
    LsOpened,
    /// No program of ours or of the peers: what the machine's own tools take.
    Yardsticks(&'static [Yardstick]),
}

/// All of it, in an order in which little has to be prepared twice: works on the same repository follow each other.
pub(super) const ALL: &[Work] = &[
    local("open", "open an empty repository (start, key derivation)", Corpus::Source, Task::Open),
    local("yardsticks", "the machine's own tools", Corpus::Source, Task::Yardsticks(yardstick::TREE)),
    local("first", "first backup", Corpus::Source, Task::First),
    local("again", "again without changes", Corpus::Source, Task::Again),
    local("restore", "restore everything", Corpus::Source, Task::Restore),
    local("restore-dir", "restore one directory of 100 files", Corpus::Source, Task::RestoreDir),
    local("check", "check --read-data", Corpus::Source, Task::Check),
    local("ls", "list one directory of a snapshot", Corpus::Source, Task::Ls),
    local("churn", "again after churn", Corpus::Source, Task::Changed),
    local("prune", "prune after forgetting half of 20 snapshots", Corpus::Source, Task::Prune),
    local("list", "list 10,000 snapshots", Corpus::Source, Task::List),
    ssh("ssh-yardsticks", "an SSH session that does nothing", Corpus::Source, Task::Yardsticks(yardstick::SSH)),
    ssh("ssh-first", "first backup over SSH", Corpus::Source, Task::First),
    ssh("ssh-again", "again without changes over SSH", Corpus::Source, Task::Again),
    ssh("ssh-restore", "restore everything over SSH", Corpus::Source, Task::Restore),
    ssh("ssh-churn", "again after churn over SSH", Corpus::Source, Task::Changed),
    local("blob-yardsticks", "the machine's own tools", Corpus::Blob, Task::Yardsticks(yardstick::BLOB)),
    local("blob-first", "first backup of one large file", Corpus::Blob, Task::First),
    local("blob-restore", "restore of one large file", Corpus::Blob, Task::Restore),
    local("image-first", "first backup of a sparse image", Corpus::Image, Task::First),
    local("image-churn", "again after 1 % of an image's blocks changed", Corpus::Image, Task::Changed),
    local("image-restore", "restore of a sparse image", Corpus::Image, Task::Restore),
    local("fewer-first", "first backup of 100,000 small files", Corpus::Fewer, Task::First),
    local("fewer-again", "again without changes, 100,000 small files", Corpus::Fewer, Task::Again),
    local("many-yardsticks", "the machine's own tools", Corpus::Many, Task::Yardsticks(yardstick::MANY)),
    local("many-first", "first backup of 1,000,000 small files", Corpus::Many, Task::First),
    local("many-again", "again without changes, 1,000,000 small files", Corpus::Many, Task::Again),
    local("many-ls", "list one directory of a snapshot of 1,000,000 files", Corpus::Many, Task::Ls),
    local("many-ls-opened", "the same, the repository already open", Corpus::Many, Task::LsOpened),
    ssh("many-ssh-again", "again without changes over SSH, 1,000,000 small files", Corpus::Many, Task::Again),
];

/// What `--quick` does.
pub(super) const QUICK: &[&str] =
    &["open", "yardsticks", "first", "again", "restore", "check", "churn", "ssh-first", "ssh-again"];

const fn local(name: &'static str, title: &'static str, corpus: Corpus, task: Task) -> Work {
    Work { name, title, corpus, task, ssh: false }
}

const fn ssh(name: &'static str, title: &'static str, corpus: Corpus, task: Task) -> Work {
    Work { name, title, corpus, task, ssh: true }
}

pub(super) fn find(name: &str) -> Option<&'static Work> {
    ALL.iter().find(|work| work.name == name)
}

impl Work {
    /// The repository that the work starts from; works of the same base can share one.
    pub(super) fn base(&self) -> String {
        let kind = match self.task {
            Task::Open => "empty",
            Task::Prune => "twenty",
            Task::List => "list",
            Task::Yardsticks(_) => "none",
            Task::First | Task::Again | Task::Changed => "backup",
            Task::Restore | Task::RestoreDir | Task::Check | Task::Ls | Task::LsOpened => "backup",
        };
        format!("{}-{kind}{}", self.corpus.name(), if self.ssh { "-ssh" } else { "" })
    }

    /// Whether each run starts from a copy of the same repository.
    pub(super) fn resets(&self) -> bool {
        matches!(self.task, Task::Changed | Task::Prune)
    }

    /// Whether every program's repository can be kept while the others run. Else each is made anew for each run: five
    /// of them would not fit into memory.
    pub(super) fn keeps(&self) -> bool {
        !matches!(self.corpus, Corpus::Blob | Corpus::Image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_the_quick_ones_exist() {
        let names: std::collections::BTreeSet<&str> = ALL.iter().map(|work| work.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(QUICK.iter().all(|name| find(name).is_some()));
    }

    #[test]
    fn works_on_the_same_base_follow_each_other_and_what_spoils_it_comes_last() {
        let works: Vec<&Work> = ALL.iter().filter(|work| !matches!(work.task, Task::Yardsticks(_))).collect();
        let mut seen = std::collections::BTreeSet::new();
        for pair in works.windows(2) {
            if pair[0].base() == pair[1].base() {
                assert!(
                    !pair[0].resets() || pair[0].corpus == Corpus::Image,
                    "{} spoils {}",
                    pair[0].name,
                    pair[1].name
                );
            } else {
                assert!(seen.insert(pair[0].base()), "{} is prepared twice", pair[0].base());
            }
        }
    }
}
