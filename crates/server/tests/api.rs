//! The API through its own router, over a real database: what is asked, and what is answered.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api {
    mod actions;
    mod bodies;
    mod document;
    mod events;
    mod find;
    mod jobs;
    mod keys;
    mod lists;
    mod objects;
    mod protection;
    mod requests;
    mod restores;
    mod scene;
    mod schedules;
    mod serving;
    mod settings;
    mod sizes;
    mod snapshots;
}
