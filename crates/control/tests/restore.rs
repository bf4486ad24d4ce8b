//! Giving back from end to end: real sshds, the real agent and puller, a repository on disk, a database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod restore {
    mod jobs;
    mod plans;
    mod scene;
    mod verify;
}
