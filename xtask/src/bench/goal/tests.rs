//! Claims about how results are held against goals.

use std::collections::BTreeMap;

use super::judge::Count::{All, Open};
use super::judge::{against, fastest, memory, received, time};
use super::*;
use crate::bench::measure::Run;
use crate::bench::results::{Contestant, WorkResult};

/// Programs, each with its wall times.
type Walls<'a> = &'a [(&'a str, &'a [f64])];

fn book(works: &[(&str, Walls<'_>)]) -> Book {
    let run = |wall: &f64| Run {
        wall: *wall,
        user: *wall,
        received: Some(5_000),
        peaks: BTreeMap::from([("holdfast".to_owned(), 100 << 20), ("agent".to_owned(), 30 << 20)]),
        ..Run::default()
    };
    let mut book = Book::default();
    for (work, programs) in works {
        let mut result = WorkResult::default();
        for (name, walls) in *programs {
            let runs = walls.iter().map(run).collect();
            result.contestants.push(Contestant { name: (*name).to_owned(), version: "1".to_owned(), runs });
        }
        book.works.insert((*work).to_owned(), result);
    }
    book
}

#[test]
fn the_fastest_peer_is_the_one_that_counts() {
    let book = book(&[("first", &[("holdfast", &[2.0, 2.0]), ("restic", &[8.0, 8.0]), ("bupstash", &[4.0, 3.2])])]);
    let verdict = fastest(&book, "first", All, 0.75).unwrap();
    assert_eq!(verdict.measured, "0.56 of bupstash (0.50–0.62)");
    assert!(verdict.met);
    assert!(!fastest(&book, "first", All, 0.5).unwrap().met);
    assert!(against(&book, "first", "restic", Run::cpu, 0.25).unwrap().met);
    assert_eq!(against(&book, "first", "borg", Run::cpu, 0.25), None);
}

#[test]
fn where_a_goal_says_open_the_key_derivation_does_not_count() {
    let book = book(&[
        ("open", &[("holdfast", &[0.5]), ("restic", &[0.6]), ("bupstash", &[0.01])]),
        ("again", &[("holdfast", &[0.7]), ("restic", &[2.6]), ("bupstash", &[0.41])]),
    ]);
    assert_eq!(fastest(&book, "again", Open, 0.6).unwrap().measured, "0.50 of bupstash (0.50–0.50)");
    assert_eq!(time(&book, "again", Open, 0.3).unwrap().measured, "0.200 s");
    assert_eq!(fastest(&book, "check", Open, 0.6), None);
}

#[test]
fn memory_and_bytes_have_limits() {
    let book = book(&[("ssh-first", &[("holdfast", &[1.0])])]);
    let verdict = memory(&book, "ssh-first", &[("agent", "agent"), ("holdfast", "server")], 64).unwrap();
    assert_eq!(verdict, Verdict { measured: "agent 30 MiB, server 100 MiB".to_owned(), met: false });
    assert!(received(&book, "ssh-first", 5_001).unwrap().met);
    assert!(!received(&book, "ssh-first", 5_000).unwrap().met);
    assert_eq!(memory(&book, "ssh-first", &[("puller", "puller")], 64), None);
}

#[test]
fn every_row_is_judged_from_works_that_exist() {
    let names = ["holdfast", "restic", "find", "ssh true"].map(|name| (name, &[1.0][..]));
    let works: Vec<_> = crate::bench::work::ALL.iter().map(|work| (work.name, &names[..])).collect();
    let mut book = book(&works);
    for result in book.works.values_mut() {
        for run in result.contestants.iter_mut().flat_map(|contestant| &mut contestant.runs) {
            run.allocated = Some(1);
            run.peaks.insert("puller".to_owned(), 1);
        }
    }
    let open: Vec<&str> = ALL.iter().filter(|row| row.judge(&book).is_none()).map(|row| row.goal).collect();
    assert_eq!(open, Vec::<&str>::new());
}
