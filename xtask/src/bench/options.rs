//! What `cargo xtask bench` is asked to do.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::program::Kind;
use super::work::{self, Work};

pub(super) const USAGE: &str = "\
Usage: cargo xtask bench [OPTIONS], or cargo xtask bench server

The latter measures what a large server costs, on SQLite and PostgreSQL, and writes that into the same document.

Measures holdfast against restic, rustic, borg and bupstash on the same work in the same run, interleaved. Results are
kept in target/bench.json, each work's newest, and written to docs/benchmarks.md. Run it on a machine that does
nothing else. Everything takes hours; single works can be run one by one.

  --quick            less than 5 minutes: a small tree, restic only; into target/bench-quick.json, no document
  --work NAME,…      only these; --list shows them
  --peers NAME,…     only these, or NAME=FILE for a program at a place of its own; 'none' for holdfast alone
  --pairs N          how many runs of each program [default: 5]
  --dir DIR          where corpora and repositories lie [default: /dev/shm/holdfast-bench if there is room]
  --holdfast FILE    measure this program instead of building it; HOLDFAST_AGENTS then says where its agents are
  --install-peers    first put the newest of each peer into target/peers; installs nothing on the machine
  --report           measure nothing, only write docs/benchmarks.md again from target/bench.json
  --list             show what can be measured";

/// The options.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) mode: Mode,
    pub(super) quick: bool,
    pub(super) works: Vec<&'static Work>,
    /// Each with the place that was given for it.
    pub(super) peers: Vec<(Kind, Option<PathBuf>)>,
    pub(super) pairs: usize,
    pub(super) dir: Option<PathBuf>,
    pub(super) holdfast: Option<PathBuf>,
    pub(super) install_peers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Measure,
    Report,
    List,
    Help,
}

impl Options {
    pub(super) fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self {
            mode: Mode::Measure,
            quick: false,
            works: Vec::new(),
            peers: Vec::new(),
            pairs: 5,
            dir: None,
            holdfast: None,
            install_peers: false,
        };
        let mut peers = None;
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().with_context(|| format!("{argument} needs a value\n\n{USAGE}"));
            match *argument {
                "--quick" => options.quick = true,
                "--work" => options.works = works(value()?)?,
                "--peers" => peers = Some(parse_peers(value()?)?),
                "--pairs" => options.pairs = number(value()?)?,
                "--dir" => options.dir = Some(PathBuf::from(value()?)),
                "--holdfast" => options.holdfast = Some(PathBuf::from(value()?)),
                "--install-peers" => options.install_peers = true,
                "--report" => options.mode = Mode::Report,
                "--list" => options.mode = Mode::List,
                "--help" | "-h" => options.mode = Mode::Help,
                unknown => bail!("there is no option `{unknown}`\n\n{USAGE}"),
            }
        }
        let all: &[Kind] = if options.quick { &[Kind::Restic] } else { &Kind::PEERS };
        options.peers = peers.unwrap_or_else(|| all.iter().map(|kind| (*kind, None)).collect());
        if options.works.is_empty() {
            options.works =
                work::ALL.iter().filter(|work| !options.quick || work::QUICK.contains(&work.name)).collect();
        }
        Ok(options)
    }
}

/// In the order of the list, whatever the order on the command line: so that little is prepared twice.
fn works(names: &str) -> Result<Vec<&'static Work>> {
    let names: Vec<&str> = names.split(',').collect();
    if let Some(unknown) = names.iter().find(|name| work::find(name).is_none()) {
        bail!("there is no work `{unknown}`; `cargo xtask bench --list` shows all");
    }
    Ok(work::ALL.iter().filter(|work| names.contains(&work.name)).collect())
}

fn parse_peers(names: &str) -> Result<Vec<(Kind, Option<PathBuf>)>> {
    let one = |word: &str| {
        let (name, place) = word.split_once('=').map_or((word, None), |(name, place)| (name, Some(place.into())));
        let kind = Kind::peer(name).with_context(|| {
            let known = Kind::PEERS.map(Kind::name).join(", ");
            format!("there is no peer `{name}`; there are {known}")
        })?;
        Ok((kind, place))
    };
    if names == "none" { Ok(Vec::new()) } else { names.split(',').map(one).collect() }
}

fn number(text: &str) -> Result<usize> {
    text.parse().ok().filter(|number| *number > 0).with_context(|| format!("`{text}` is no number of runs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_come_in_the_order_of_the_list() {
        let options = Options::parse(&["--work", "restore,first", "--pairs", "7"]).unwrap();
        assert_eq!(options.works.iter().map(|work| work.name).collect::<Vec<_>>(), ["first", "restore"]);
        assert_eq!(options.pairs, 7);
        assert_eq!(options.peers.len(), 4);
    }

    #[test]
    fn quick_has_one_peer_and_few_works() {
        let options = Options::parse(&["--quick"]).unwrap();
        assert_eq!(options.peers, [(Kind::Restic, None)]);
        assert_eq!(options.works.len(), work::QUICK.len());
    }

    #[test]
    fn peers_may_be_named_with_their_place() {
        let options = Options::parse(&["--peers", "borg,restic=/opt/restic"]).unwrap();
        assert_eq!(options.peers, [(Kind::Borg, None), (Kind::Restic, Some("/opt/restic".into()))]);
        assert!(Options::parse(&["--peers", "none"]).unwrap().peers.is_empty());
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (arguments, said) in [
            (&["--pairs", "0"][..], "no number"),
            (&["--work", "frist"], "no work `frist`"),
            (&["--peers", "kopia"], "no peer `kopia`"),
            (&["--dir"], "needs a value"),
            (&["--fast"], "no option"),
        ] {
            let error = Options::parse(arguments).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
