//! The verbs that look into repositories and keep them in order, run as people run them.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod hot;
mod keys;
mod maintenance;
mod reading;
mod retention;
mod run;
mod scene;
