//! A worker from end to end: a real sshd, the real agent and puller, a repository on disk, a database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod worker {
    mod catalog;
    mod copies;
    mod hooks;
    mod hot;
    mod jobs;
    mod jump;
    mod local_only;
    mod pace;
    mod plans;
    mod quotas;
    mod repositories;
    mod restores;
    mod scene;
    mod two_hosts;
    mod verify;
}
