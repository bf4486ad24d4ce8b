//! Watches the system calls of processes, to prove what a program did not do, or how often it did it.

mod calls;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::{TempDir, process, skip, temp_dir};

pub use calls::{COUNTED, COUNTED_FILES, calls_by_kind, name_of};

/// A running strace. It follows everything that the watched process starts.
#[derive(Debug)]
pub struct Strace {
    dir: TempDir,
    tracer: Child,
}

/// One successful opening of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The process (or thread) that did it.
    pub pid: u32,
    /// The file, as the kernel calls it. Bytes that are no printable ASCII are as strace writes them.
    pub path: PathBuf,
    /// The flags of the call, as `O_RDONLY|O_CLOEXEC`.
    pub flags: String,
}

/// A call with the moments when it began and ended, in an order that all threads agree on: one that ended before
/// another began has taken effect before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    /// When the kernel was asked.
    pub began: usize,
    /// When it had answered; later than everything if it never did.
    pub ended: usize,
    /// `PID CALL(ARGUMENTS) = RESULT`.
    pub line: String,
}

impl Strace {
    /// Watches a process that runs and all that it starts from now on. `calls` is what strace takes after
    /// `-e trace=`, for example `openat,unlink`. Where strace cannot watch, the test is skipped and must return.
    pub fn attach(pid: u32, calls: &str) -> Option<Self> {
        if !works() {
            skip("needs strace and the right to trace");
            return None;
        }
        let dir = temp_dir();
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-s", "4096", "-e", &format!("trace={calls}"), "-o"]).arg(dir.path().join("log"));
        command.args(["-p", &pid.to_string()]);
        let said = dir.path().join("stderr");
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(std::fs::File::create(&said).expect("the directory is our own"));
        let tracer = command.spawn().unwrap_or_else(|error| panic!("cannot start strace: {error}"));
        let attached = || std::fs::read_to_string(&said).unwrap_or_default().contains(" attached");
        let strace = Self { dir, tracer };
        process::must_happen("strace attaches", attached);
        Some(strace)
    }

    /// Runs a command under strace to its end and gives, besides its output, the calls as [`Strace::finish`] does.
    /// `calls` is what strace takes after `-e`. What it does not name costs the command no time.
    pub fn run(command: &Command, calls: &str) -> Option<(Output, Vec<String>)> {
        let (output, calls) = Self::run_timed(command, calls)?;
        Some((output, calls.into_iter().map(|call| call.line).collect()))
    }

    /// As [`Strace::run`], with what happened before what.
    pub fn run_timed(command: &Command, calls: &str) -> Option<(Output, Vec<Timed>)> {
        let dir = temp_dir();
        let log = dir.path().join("log");
        let words = Self::words(&log, calls)?;
        let mut traced = Command::new(&words[0]);
        traced.args(&words[1..]).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        // What was taken out of the command's environment cannot be asked of it: so nothing is inherited.
        traced.env_clear();
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                traced.env(name, value);
            }
        }
        let output = traced.output().unwrap_or_else(|error| panic!("cannot start strace: {error}"));
        Some((output, timed(&text_of(&log))))
    }

    /// The words to put before a command, so that strace writes its calls to `log`; [`Strace::read`] reads them.
    pub fn words(log: &Path, calls: &str) -> Option<Vec<String>> {
        if !works() {
            skip("needs strace and the right to trace");
            return None;
        }
        let log = log.to_str().expect("a path in ASCII");
        let words = ["strace", "-f", "-y", "-s", "1", "--seccomp-bpf", "--quiet=all", "-e", calls, "-o", log];
        Some(words.map(str::to_owned).to_vec())
    }

    /// The calls in a log of [`Strace::words`].
    pub fn read(log: &Path) -> Vec<String> {
        joined(&text_of(log))
    }

    /// Stops watching and gives the calls, one a line: `PID CALL(ARGUMENTS) = RESULT`. The watched process goes on.
    pub fn finish(mut self) -> Vec<String> {
        process::signal(self.tracer.id(), Signal::INT);
        let ended = process::wait_until(Duration::from_secs(30), || {
            self.tracer.try_wait().expect("strace is our child").is_some()
        });
        assert!(ended, "strace did not end when asked");
        Self::read(&self.dir.path().join("log"))
    }

    /// As [`Strace::finish`]: what was opened. The watched calls must have been `open,openat,openat2,creat`.
    pub fn finish_opened(self) -> Vec<Opened> {
        self.finish().iter().filter_map(|line| opened(line)).collect()
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}

fn text_of(log: &Path) -> String {
    let log = std::fs::read(log).unwrap_or_else(|error| panic!("strace wrote no log: {error}"));
    String::from_utf8_lossy(&log).into_owned()
}

fn works() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    tried.is_ok_and(|output| output.status.success())
}

/// The calls in the order in which they began, one a line.
fn joined(log: &str) -> Vec<String> {
    timed(log).into_iter().map(|call| call.line).collect()
}

/// A call that was interrupted by another thread's stands in two lines; they become one.
fn timed(log: &str) -> Vec<Timed> {
    let mut calls: Vec<Timed> = Vec::new();
    let mut open: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for (at, line) in log.lines().enumerate() {
        let (pid, call) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(start) = call.trim_start().strip_suffix(" <unfinished ...>") {
            open.insert(pid, calls.len());
            calls.push(Timed { began: at, ended: usize::MAX, line: format!("{pid} {start}") });
        } else if let Some((_, rest)) = call.split_once(" resumed>")
            && let Some(start) = open.remove(pid)
        {
            calls[start].line.push_str(rest);
            calls[start].ended = at;
        } else {
            calls.push(Timed { began: at, ended: at, line: format!("{pid} {}", call.trim_start()) });
        }
    }
    calls
}

/// `123 openat(AT_FDCWD</x>, "y", O_RDONLY) = 3</x/y>`
fn opened(line: &str) -> Option<Opened> {
    let (pid, call) = line.split_once(' ')?;
    let (call, result) = call.rsplit_once(" = ")?;
    if !["open(", "openat(", "openat2(", "creat("].iter().any(|name| call.starts_with(name)) {
        return None;
    }
    let (_, path) = result.split_once('<')?;
    let path = path.trim_end().strip_suffix('>')?;
    let flags = call.split(['(', ',', ' ', ')', '=', '{', '}']).find(|word| word.starts_with("O_")).unwrap_or_default();
    Some(Opened { pid: pid.parse().ok()?, path: Path::new(OsStr::new(path)).to_owned(), flags: flags.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_a_process_and_its_children_open_is_seen() {
        let dir = temp_dir();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        for file in [&first, &second] {
            std::fs::write(file, "x").unwrap();
        }
        let mut shell = Command::new("sh").arg("-s").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut input = shell.stdin.take().unwrap();
        let strace = Strace::attach(shell.id(), "open,openat,openat2,creat");
        writeln!(input, "read x < '{}'\ncat '{}'", first.display(), second.display()).unwrap();
        drop(input);
        shell.wait().unwrap();
        let Some(strace) = strace else { return };
        let opened = strace.finish_opened();
        let find = |path: &Path| opened.iter().find(|opened| opened.path == path).unwrap();
        assert_eq!(find(&first).pid, shell.id());
        assert_eq!(find(&first).flags, "O_RDONLY");
        assert_ne!(find(&second).pid, shell.id());
        assert!(!opened.iter().any(|opened| opened.path == dir.path().join("third")));
    }

    #[test]
    fn the_halves_of_an_interrupted_call_are_one_line() {
        let log =
            "1 openat(3</>, \"a\" <unfinished ...>\n2   close(4) = 0\n1 <... openat resumed>, O_RDONLY) = 5</a>\n";
        let lines = joined(log);
        assert_eq!(lines, ["1 openat(3</>, \"a\", O_RDONLY) = 5</a>", "2 close(4) = 0"]);
        assert_eq!(opened(&lines[0]).unwrap().path, Path::new("/a"));
        assert_eq!(opened(&lines[1]), None);
        assert_eq!(opened("1 openat(3</>, \"b\", O_RDONLY) = -1 ENOENT (No such file or directory)"), None);
    }
}
