//! The main job from end to end: the real program, a real sshd, the real restic beside it.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod chunks;
mod damage;
mod full;
mod grants;
mod guard;
mod home;
mod interrupted;
mod restoring;
mod run;
mod scene;
mod small_disk;
mod together;
mod traces;
mod unchanged;
mod unreachable;
mod unreadable;
mod whole;
mod wrong;
