//! What must be as in restic, against the real one, whose path is in `HOLDFAST_RESTIC`. Without it, each test says that
//! it was skipped.

mod pattern;
mod repository;
mod retention;

/// restic's path, if there is one to compare with.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn restic() -> Option<String> {
    let program = std::env::var("HOLDFAST_RESTIC").ok();
    if program.is_none() {
        eprintln!("SKIPPED: HOLDFAST_RESTIC does not name a restic to compare with");
    }
    program
}
