//! The goals, for a machine of two cores with everything in memory.

use super::Goal;
use super::judge::Count::{All, Open};
use super::judge::{against, fastest, holes, memory, our_wall, received, repository, time, times, yard};
use crate::bench::measure::Run;

const SERVER: &[(&str, &str)] = &[("holdfast", "server"), ("puller", "puller")];
const LOCAL: &[(&str, &str)] = &[("holdfast", "holdfast")];
const AGENT: &[(&str, &str)] = &[("agent", "agent")];

/// Every row.
pub(in crate::bench) const ALL: &[Goal] = &[
    Goal {
        work: "first backup, `source`, local",
        goal: "wall ≤ 0.75 of the fastest",
        judge: |book| fastest(book, "first", All, 0.75),
    },
    Goal {
        work: "first backup, `source`, local",
        goal: "CPU ≤ 0.5 of restic",
        judge: |book| against(book, "first", "restic", Run::cpu, 0.5),
    },
    Goal {
        work: "first backup, `source`, over SSH",
        goal: "wall ≤ 0.65 of restic over SFTP",
        judge: |book| against(book, "ssh-first", "restic", |run| run.wall, 0.65),
    },
    Goal {
        work: "first backup, `source`, over SSH",
        goal: "the server's CPU ≤ 0.4 of restic's",
        judge: |book| against(book, "ssh-first", "restic", Run::cpu, 0.4),
    },
    Goal {
        work: "first backup, `source`, over SSH",
        goal: "agent ≤ 64 MiB",
        judge: |book| memory(book, "ssh-first", AGENT, 64),
    },
    Goal {
        work: "first backup, `source`, over SSH",
        goal: "server ≤ 256 MiB",
        judge: |book| memory(book, "ssh-first", SERVER, 256),
    },
    Goal {
        work: "first backup, `blob`",
        goal: "wall ≤ 0.7 of the fastest",
        judge: |book| fastest(book, "blob-first", All, 0.7),
    },
    Goal {
        work: "again without changes, `source`",
        goal: "wall ≤ 0.6 of the fastest, repository open",
        judge: |book| fastest(book, "again", Open, 0.6),
    },
    Goal {
        work: "again without changes, `source`",
        goal: "≤ 1.0 s in all, with key derivation",
        judge: |book| time(book, "again", All, 1.0),
    },
    Goal {
        work: "again without changes, `source`, over SSH",
        goal: "less than 300 kB received",
        judge: |book| received(book, "ssh-again", 300_000),
    },
    Goal {
        work: "again without changes, `source`, over SSH",
        goal: "wall ≤ 2 times local and an SSH session",
        judge: |book| {
            let allowed = 2.0 * our_wall(book, "again", All)? + yard(book, "ssh-yardsticks", "ssh true")?;
            Some(times(our_wall(book, "ssh-again", All)?, allowed, "what is allowed", 1.0))
        },
    },
    Goal {
        work: "again without changes, `many`",
        goal: "wall ≤ 0.5 of the fastest, repository open",
        judge: |book| fastest(book, "many-again", Open, 0.5),
    },
    Goal {
        work: "again without changes, `many`",
        goal: "wall ≤ 2.5 times `find`, repository open",
        judge: |book| {
            let find = yard(book, "many-yardsticks", "find")?;
            Some(times(our_wall(book, "many-again", Open)?, find, "`find`", 2.5))
        },
    },
    Goal {
        work: "again without changes, `many`, over SSH",
        goal: "agent ≤ 64 MiB",
        judge: |book| memory(book, "many-ssh-again", AGENT, 64),
    },
    Goal {
        work: "again without changes, `many`, over SSH",
        goal: "server ≤ 300 MiB",
        judge: |book| memory(book, "many-ssh-again", SERVER, 300),
    },
    Goal {
        work: "again without changes, 100,000 and 1,000,000 files",
        goal: "ten times the files in ≤ 12 times the time, repository open",
        judge: |book| {
            let fewer = our_wall(book, "fewer-again", Open)?;
            Some(times(our_wall(book, "many-again", Open)?, fewer, "100,000 files", 12.0))
        },
    },
    Goal {
        work: "again after churn, `source`",
        goal: "wall ≤ 0.5 of restic",
        judge: |book| against(book, "churn", "restic", |run| run.wall, 0.5),
    },
    Goal {
        work: "restore everything, `source`",
        goal: "wall ≤ 0.6 of the fastest",
        judge: |book| fastest(book, "restore", All, 0.6),
    },
    Goal {
        work: "restore everything, `source`", goal: "≤ 200 MiB", judge: |book| memory(book, "restore", LOCAL, 200)
    },
    Goal {
        work: "restore everything, `source`, to a client over SSH",
        goal: "wall ≤ 1.4 times local",
        judge: |book| Some(times(our_wall(book, "ssh-restore", All)?, our_wall(book, "restore", All)?, "local", 1.4)),
    },
    Goal {
        work: "restore, `blob`",
        goal: "wall ≤ 0.7 of the fastest",
        judge: |book| fastest(book, "blob-restore", All, 0.7),
    },
    Goal {
        work: "restore, `image`",
        goal: "wall ≤ 0.7 of the fastest",
        judge: |book| fastest(book, "image-restore", All, 0.7),
    },
    Goal { work: "restore, `image`", goal: "holes stay holes", judge: |book| holes(book, "image-restore", 1.02) },
    Goal {
        work: "check --read-data",
        goal: "wall ≤ 0.6 of restic",
        judge: |book| against(book, "check", "restic", |run| run.wall, 0.6),
    },
    Goal { work: "check --read-data", goal: "≤ 200 MiB", judge: |book| memory(book, "check", LOCAL, 200) },
    Goal {
        work: "prune",
        goal: "wall ≤ 0.8 of restic",
        judge: |book| against(book, "prune", "restic", |run| run.wall, 0.8),
    },
    Goal {
        work: "repository size, `source`",
        goal: "≤ 1.0 of restic's",
        judge: |book| against(book, "first", "restic", repository, 1.0),
    },
    Goal {
        work: "open one directory in a snapshot of 1,000,000 files",
        goal: "≤ 300 ms from a cold start, without key derivation",
        judge: |book| time(book, "many-ls", Open, 0.3),
    },
    Goal {
        work: "open one directory in a snapshot of 1,000,000 files",
        goal: "≤ 20 ms, repository already open",
        judge: |book| time(book, "many-ls-opened", All, 0.02),
    },
];
