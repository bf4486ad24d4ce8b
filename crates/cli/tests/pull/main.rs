//! The main job from end to end: the real program, a real sshd, the real restic beside it.

#![allow(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]
#![expect(unreachable_pub, reason = "in a test program, pub says what other modules use")]

mod chunks;
mod grants;
mod home;
mod interrupted;
mod run;
mod scene;
mod traces;
mod whole;
mod wrong;
