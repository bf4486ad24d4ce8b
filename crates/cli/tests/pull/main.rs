//! The main job from end to end: the real program, a real sshd, the real restic beside it.

mod chunks;
mod grants;
mod interrupted;
mod scene;
mod traces;
mod whole;
mod wrong;
