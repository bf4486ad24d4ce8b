//! Options about which repository, which password, and how to talk.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

/// Options of every verb.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every verb")]
pub struct GlobalArgs {
    /// The repository: a directory, or s3:…, sftp:…, rest:…, b2:…, rclone:… as restic spells them
    /// [env: HOLDFAST_REPOSITORY, RESTIC_REPOSITORY]
    #[arg(short, long, visible_alias = "repo", global = true, value_name = "REPOSITORY")]
    pub repository: Option<String>,
    /// The repository's hot part, as rustic knows it: a fast place with copies of what is read often, for storage that is
    /// slow or costly to read. Credentials of its own have HOT_ in front, like HOT_AWS_ACCESS_KEY_ID
    /// [env: HOLDFAST_REPOSITORY_HOT]
    #[arg(long, visible_alias = "repo-hot", global = true, value_name = "REPOSITORY")]
    pub repository_hot: Option<String>,
    /// Read the password from the first line of this file
    #[arg(short, long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Run this command and take its output as the password
    #[arg(long, global = true, value_name = "COMMAND", conflicts_with = "password_file")]
    pub password_command: Option<String>,
    /// Wait so long for a lock that somebody else holds, like 30s, 5m or 1h30m
    #[arg(long, global = true, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub retry_lock: Duration,
    /// Where to keep what is remembered between runs [default: $XDG_STATE_HOME/holdfast, or ~/.local/state/holdfast]
    #[arg(long, global = true, env = "HOLDFAST_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Print one JSON document or event a line, for programs
    #[arg(long, global = true)]
    pub json: bool,
    /// Print errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// `holdfast init`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast init -r /srv/backup
  holdfast init -r s3:https://s3.example.com/bucket/web -p /etc/holdfast/password
  holdfast init -r /srv/backup --chunker rabin     # boundaries as restic's, to copy between the two
  holdfast init -r s3:https://s3.example.com/slow --repository-hot /srv/hot

Keep the password outside the machine too: without it nobody can restore anything.")]
pub struct InitArgs {
    /// How files are cut into chunks. Kept with the repository, for good
    #[arg(long, value_enum, default_value_t = InitChunker::Gear)]
    pub chunker: InitChunker,
}

/// Ways to cut files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InitChunker {
    /// Fast, with boundaries that depend on a secret of the repository
    Gear,
    /// Boundaries as restic computes them
    Rabin,
}

/// `holdfast key`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  holdfast key list -r /srv/backup
  holdfast key add -r /srv/backup --new-password-file /etc/holdfast/second
  holdfast key remove -r /srv/backup 7f1a2b3c")]
pub struct KeyArgs {
    #[command(subcommand)]
    pub command: KeyCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Show all keys; the one in use is marked
    List,
    /// Add a further password
    Add(NewPassword),
    /// Remove a password
    Remove {
        /// The key's id, or the beginning of it
        id: String,
    },
    /// Replace the password in use
    Passwd(NewPassword),
}

/// Where a new password comes from.
#[derive(Debug, Args)]
pub struct NewPassword {
    /// Read the new password from the first line of this file [default: ask for it]
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
    /// Name the host that the key is for
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Name the user that the key is for
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
}

/// A duration as restic takes it here: hours, minutes and seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: write hours, minutes and seconds, as in 30s, 5m or 1h30m");
    let (mut rest, mut total) = (text, Duration::ZERO);
    if text == "0" {
        return Ok(total);
    }
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = rest.split_at(digits);
        let seconds = match unit.chars().next() {
            Some('h') => 3600,
            Some('m') => 60,
            Some('s') => 1,
            _ => return Err(wrong()),
        };
        let seconds = number.parse::<u32>().map_err(|_| wrong())?.checked_mul(seconds).ok_or_else(wrong)?;
        total += Duration::from_secs(seconds.into());
        rest = &unit[1..];
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_hours_minutes_and_seconds() {
        for (text, seconds) in [("0", 0), ("0s", 0), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("2h0m5s", 7205)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "m", "5d", "-5m", "5m3", "99999999h", "5ms"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
