//! Programs that a driver starts and talks to: ssh and rclone.
//!
//! What they say on standard error is kept, bounded, for the errors of our calls; they end when we do, even when we are
//! killed.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStderr, Command};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How many lines are kept.
const LINES: usize = 12;

/// How many bytes of a line are kept.
const LINE: u64 = 500;

/// Keeps what opens repositories from a program, and from all that it starts in turn: variables of ours and of restic's
/// that hold passwords or say where they are.
pub(crate) fn keep_secrets(command: &mut Command) {
    for name in std::env::vars_os().map(|(name, _)| name).filter(|name| is_secret(name)) {
        command.env_remove(name);
    }
}

fn is_secret(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    (name.starts_with("HOLDFAST_") || name.starts_with("RESTIC_")) && name.contains("PASSWORD")
}

/// What a program has said on standard error lately. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Complaints(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    heard: Mutex<Heard>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Heard {
    lines: VecDeque<String>,
    ended: bool,
}

impl Complaints {
    /// Listens on a thread of its own until the program closes its standard error. `filter` hides secrets in a line.
    pub(crate) fn listen(stderr: ChildStderr, filter: impl Fn(String) -> String + Send + 'static) -> Self {
        let complaints = Self::default();
        let shared = complaints.clone();
        let listen = move || {
            let mut reader = BufReader::new(stderr);
            while let Ok(line) = read_line(&mut reader) {
                let Some(line) = line else { break };
                let line = filter(line.trim_end().to_owned());
                let mut heard = shared.0.heard.lock();
                if heard.lines.len() == LINES {
                    heard.lines.pop_front();
                }
                if !line.is_empty() {
                    heard.lines.push_back(line);
                }
            }
            shared.0.heard.lock().ended = true;
            shared.0.ended.notify_all();
        };
        if thread::Builder::new().name("stderr".to_owned()).spawn(listen).is_err() {
            complaints.0.heard.lock().ended = true;
        }
        complaints
    }

    /// Whether the program has closed its standard error: it has ended, as a rule.
    pub(crate) fn ended(&self) -> bool {
        self.0.heard.lock().ended
    }

    /// What was said, on one line; waits a little for the last words of a program that ends.
    pub(crate) fn last_words(&self, patience: Duration) -> String {
        let until = Instant::now() + patience;
        let mut heard = self.0.heard.lock();
        while !heard.ended && !self.0.ended.wait_until(&mut heard, until).timed_out() {}
        heard.lines.iter().map(String::as_str).collect::<Vec<_>>().join("; ")
    }
}

/// One line, cut at [`LINE`] bytes, without control characters; `None` at the end.
fn read_line(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.by_ref().take(LINE).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.last() != Some(&b'\n') {
        reader.skip_until(b'\n')?;
    }
    Ok(Some(String::from_utf8_lossy(&bytes).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()))
}

/// A command line taken apart at blanks; quotes hold a word together, a backslash takes the next character as it is,
/// except within single quotes. `None` if a quote is not closed.
pub(crate) fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().push(chars.next()?),
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (text, words) in [
            ("", &[][..]),
            ("  ssh  -p 22 ", &["ssh", "-p", "22"]),
            ("a 'b c'\"d e\" f\\ g ''", &["a", "b cd e", "f g", ""]),
            ("\"a\\\"b\" 'c\\d'", &["a\"b", "c\\d"]),
        ] {
            assert_eq!(split_words(text).unwrap(), words, "{text}");
        }
        assert_eq!(split_words("a 'b"), None);
        assert_eq!(split_words("a\\"), None);
    }

    #[test]
    fn passwords_are_no_programs_business() {
        for name in ["HOLDFAST_PASSWORD", "RESTIC_PASSWORD", "RESTIC_PASSWORD_COMMAND", "RESTIC_REST_PASSWORD"] {
            assert!(is_secret(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "SSH_AUTH_SOCK", "RCLONE_CONFIG_PASS", "RESTIC_REPOSITORY", "AWS_SECRET_ACCESS_KEY"] {
            assert!(!is_secret(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn only_the_last_and_short_of_what_a_program_says_is_kept() {
        let script = format!("seq 100; printf '{}\\n'; printf 'bye\\033[1m' ", "x".repeat(2000));
        let mut child = std::process::Command::new("sh")
            .args(["-c", &format!("({script}) >&2")])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let complaints = Complaints::listen(child.stderr.take().unwrap(), |line| line.replace("99", "**"));
        child.wait().unwrap();
        let words = complaints.last_words(Duration::from_secs(10));
        assert!(complaints.ended());
        assert!(
            words.starts_with("91; 92;") && words.contains("; **; 100; xxx") && words.ends_with("; bye [1m"),
            "{words}"
        );
        assert!(words.len() < 700);
    }
}
