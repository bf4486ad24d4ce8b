//! Where the password comes from. It never stands in an argument, and lives no longer than it must.

use std::fs;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use zeroize::Zeroizing;

use crate::args::GlobalArgs;
use crate::environment;

/// A password in memory; wiped when it is dropped.
pub type Password = Zeroizing<String>;

/// Longer than any password: protects against a wrong file.
const MAX_PASSWORD: u64 = 64 << 10;

/// The password of the repository.
pub fn of_repository(global: &GlobalArgs) -> Result<Password> {
    if let Some(path) = &global.password_file {
        return from_file(path);
    }
    if let Some(command) = &global.password_command {
        return from_command(command);
    }
    match from_environment("")? {
        Some(password) => Ok(password),
        None => ask("Password of the repository: "),
    }
}

/// The password of a repository that is to be created: on a terminal it is asked for twice.
pub fn of_new_repository(global: &GlobalArgs) -> Result<Password> {
    let given = global.password_file.is_some() || global.password_command.is_some();
    if given || from_environment("")?.is_some() { of_repository(global) } else { ask_twice() }
}

/// The password of the repository that is copied to; `None` if only one was given for both.
pub fn of_other(file: Option<&Path>) -> Result<Option<Password>> {
    match file {
        Some(path) => from_file(path).map(Some),
        None => from_environment("TO_"),
    }
}

/// A password that replaces or joins another.
pub fn new_one(file: Option<&Path>) -> Result<Password> {
    file.map_or_else(ask_twice, from_file)
}

/// `PASSWORD`, `PASSWORD_FILE` and `PASSWORD_COMMAND`, ours before restic's.
fn from_environment(prefix: &str) -> Result<Option<Password>> {
    let lookup = |name: &str| environment::own(&format!("{prefix}{name}"));
    let restic = |name: &str| if prefix.is_empty() { environment::variable(&format!("RESTIC_{name}")) } else { None };
    for source in [&lookup as &dyn Fn(&str) -> Option<String>, &restic] {
        if let Some(password) = source("PASSWORD") {
            return Ok(Some(Zeroizing::new(password)));
        }
        if let Some(path) = source("PASSWORD_FILE") {
            return from_file(Path::new(&path)).map(Some);
        }
        if let Some(command) = source("PASSWORD_COMMAND") {
            return from_command(&command).map(Some);
        }
    }
    Ok(None)
}

fn from_file(path: &Path) -> Result<Password> {
    let mut text = Zeroizing::new(String::new());
    let file = fs::File::open(path).with_context(|| format!("cannot read the password file {}", path.display()))?;
    file.take(MAX_PASSWORD)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read the password file {}", path.display()))?;
    trimmed(&text).with_context(|| format!("the password file {} is empty", path.display()))
}

fn from_command(command: &str) -> Result<Password> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run the password command")?;
    if !output.status.success() {
        bail!("the password command failed ({})", output.status);
    }
    let text = Zeroizing::new(
        String::from_utf8(output.stdout)
            .map_err(|_| anyhow::anyhow!("the password command printed bytes that are no text"))?,
    );
    trimmed(&text).context("the password command printed nothing")
}

/// Without blanks and line ends around it, as restic reads the same file.
fn trimmed(text: &str) -> Option<Password> {
    let text = text.trim();
    (!text.is_empty()).then(|| Zeroizing::new(text.to_owned()))
}

fn ask(prompt: &str) -> Result<Password> {
    if !std::io::stdin().is_terminal() {
        bail!("no password given: use --password-file, --password-command or HOLDFAST_PASSWORD_FILE");
    }
    let password = rpassword::prompt_password(prompt).context("cannot read the password from the terminal")?;
    if password.is_empty() {
        bail!("an empty password does not protect anything");
    }
    Ok(Zeroizing::new(password))
}

fn ask_twice() -> Result<Password> {
    let first = ask("New password: ")?;
    if *first != *ask("The same again: ")? {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_a_password_are_not_part_of_it() {
        for text in ["a b", "a b\n", " a b \r\n", "\n\ta b\n"] {
            assert_eq!(*trimmed(text).unwrap(), "a b", "{text:?}");
        }
        assert_eq!(*trimmed("two\nlines\n").unwrap(), "two\nlines", "as restic takes it");
        assert!(trimmed(" \n\n").is_none());
    }
}
