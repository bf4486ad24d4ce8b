//! How far several pieces of work are that others do: on the status line of a terminal, as lines in a log, as events.
//!
//! How fast they go is said by whoever does them; here it is only shown.

use std::sync::Arc;
use std::time::Instant;

use holdfast_model::monitor::{Pace, Progress};
use holdfast_model::{Clock, JobUid, SystemClock, job::JobProgress};
use serde::Serialize;

use super::{Output, crowd, json, plain, terminal, text};

/// A piece of work, and how far it is.
pub struct Standing<'a> {
    /// Its id.
    pub job: JobUid,
    /// What it is called, where there are several.
    pub name: &'a str,
    /// How far it is.
    pub progress: &'a JobProgress,
}

/// Shows how far work is.
pub struct Board {
    clock: Arc<dyn Clock>,
    manner: Manner,
    /// When a log was told last.
    said: Instant,
    /// What was shown last.
    shown: Vec<(JobUid, JobProgress)>,
}

enum Manner {
    Terminal,
    Log,
    Events,
    Silent,
}

/// An event of one of several jobs.
#[derive(Serialize)]
struct OfJob<'a> {
    #[serde(flatten)]
    status: json::Status<'a>,
    job: JobUid,
}

impl Output {
    /// Where it is shown how far others are with their work.
    pub fn board(&self) -> Board {
        let manner = match (self.json, self.quiet, self.status_line) {
            (true, ..) => Manner::Events,
            (_, true, _) => Manner::Silent,
            (_, _, true) => Manner::Terminal,
            _ => Manner::Log,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Board { said: clock.instant(), clock, manner, shown: Vec::new() }
    }

    /// Shows how far all that is at work is: what is not among these is not at work any more.
    pub fn show_standings(&self, board: &mut Board, standings: &[Standing<'_>]) -> std::io::Result<()> {
        let now = board.clock.instant();
        match board.manner {
            Manner::Silent => {}
            Manner::Terminal => draw(standings, !board.shown.is_empty()),
            Manner::Log if now.duration_since(board.said) < plain::EVERY => {}
            Manner::Log => {
                board.said = now;
                standings.iter().for_each(|standing| say(standing, standings.len() > 1));
            }
            Manner::Events => {
                for standing in standings {
                    let Standing { job, progress, .. } = standing;
                    if !board.shown.iter().any(|(other, shown)| other == job && shown == *progress) {
                        let (phase, pace, progress) = (progress.phase, progress.pace(), progress.progress());
                        self.document(&OfJob { status: json::Status::of(phase, &pace, &progress), job: *job })?;
                    }
                }
            }
        }
        board.shown = standings.iter().map(|standing| (standing.job, standing.progress.clone())).collect();
        Ok(())
    }
}

/// Draws the status line, or takes it away.
fn draw(standings: &[Standing<'_>], is_drawn: bool) {
    match standings {
        [] if is_drawn => drop(terminal::without_status_line()),
        [] => {}
        [one] => {
            terminal::draw_progress(phase(one.progress), &one.progress.pace(), &shown(one.progress.progress(), ""))
        }
        several => {
            let (pace, progress) = together(several);
            terminal::draw_progress(&format!("{} jobs", several.len()), &pace, &progress);
        }
    }
}

fn say(standing: &Standing<'_>, are_several: bool) {
    let prefix = text::prefix(Some(standing.name).filter(|_| are_several));
    let progress = standing.progress;
    let line = plain::progress_line(&progress.pace(), &progress.progress());
    plain::say(&prefix, format!("{}  {line}", phase(progress)).trim_start());
}

/// How far a job is, on one line, without what it is at.
pub fn standing_line(progress: &JobProgress) -> String {
    let line = plain::progress_line(&progress.pace(), &progress.progress());
    format!("{}  {line}", phase(progress)).trim_start().to_owned()
}

fn phase(progress: &JobProgress) -> &'static str {
    progress.phase.map(|phase| phase.as_words()).unwrap_or_default()
}

/// The same, with what it is at told as the client's word that it is.
fn shown(progress: Progress, name: &str) -> Progress {
    let prefix = text::prefix(Some(name).filter(|name| !name.is_empty()));
    let current = progress.current.map(|current| format!("{prefix}{}", text::printable(&current)));
    Progress { current, ..progress }
}

/// What several have done, how fast they are together, and what the last to begin is at.
fn together(standings: &[Standing<'_>]) -> (Pace, Progress) {
    let paces: Vec<Pace> = standings.iter().map(|standing| standing.progress.pace()).collect();
    let pace = Pace {
        elapsed: paces.iter().map(|pace| pace.elapsed).max().unwrap_or_default(),
        bytes_per_second: paces.iter().filter_map(|pace| pace.bytes_per_second).reduce(u64::saturating_add),
        // They go side by side: all are done when the slowest is, of which something must be known.
        left: paces.iter().map(|pace| pace.left).collect::<Option<Vec<_>>>().and_then(|left| left.into_iter().max()),
    };
    let all: Vec<Option<Progress>> = standings.iter().map(|one| Some(one.progress.progress())).collect();
    let at = standings.iter().rfind(|one| one.progress.current.is_some());
    let current = at.and_then(|one| shown(one.progress.progress(), one.name).current);
    (pace, Progress { current, ..crowd::sum(&all) })
}

#[cfg(test)]
mod tests {
    use holdfast_model::Timestamp;

    use super::*;

    fn progress(bytes_done: u64, seconds_left: Option<u64>, current: &str) -> JobProgress {
        JobProgress {
            seconds_elapsed: bytes_done,
            files_done: 1,
            bytes_done,
            bytes_total: Some(1 << 20),
            bytes_per_second: Some(1024),
            seconds_left,
            current: Some(current.to_owned()),
            ..JobProgress::default()
        }
    }

    #[test]
    fn several_are_shown_together_and_the_rest_is_known_when_that_of_all_is() {
        let job = JobUid::new(Timestamp { seconds: 1_800_000_000, nanoseconds: 0 }, [1; 10]);
        let told = |one: &JobProgress, other: &JobProgress| {
            let standing = |name, progress| Standing { job, name, progress };
            let (pace, progress) = together(&[standing("backup of web1", one), standing("backup of web2", other)]);
            format!("{}  {}", plain::progress_line(&pace, &progress), progress.current.unwrap_or_default())
        };
        let one = progress(10, Some(70), "/etc");
        assert_eq!(
            told(&one, &progress(1000, Some(20), "/srv/\u{1b}[2J")),
            "16:40  0 %  2 files, 1010 B of 2.000 MiB, 2.000 KiB/s, 1:10 left  backup of web2: /srv/?[2J"
        );
        let unknown = JobProgress { seconds_left: None, ..progress(1000, None, "/srv") };
        assert!(!told(&one, &unknown).contains("left"));
    }
}
