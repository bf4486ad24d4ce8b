//! Variables of the environment that begin with `HOLDFAST_`: those that some verb reads, and those that look like one of them.
//!
//! A name that is nearly a known one is refused. Any other may be there for a reason of its own: a secret can come from a
//! variable of any name, and what runs services puts such names into their environment (Kubernetes: `HOLDFAST_SERVICE_HOST`).

use std::env;

use anyhow::{Result, bail};

use super::Key;
use crate::commands::run_settings;

const PREFIX: &str = "HOLDFAST_";

/// Beside what a server is configured with, and what `holdfast run` is: options of other verbs, and what hooks are told.
const OTHERS: [&str; 16] = [
    "CONFIG",
    "SERVER",
    "REPOSITORY_FILE",
    "PASSWORD",
    "PASSWORD_FILE",
    "PASSWORD_COMMAND",
    "TO_PASSWORD",
    "TO_PASSWORD_FILE",
    "TO_PASSWORD_COMMAND",
    "CLIENT",
    "JOB",
    "POLICY",
    "SNAPSHOT",
    "STATUS",
    "TEST_CLOCK",
    "TEST_DIR",
];

/// A misspelling adds or leaves out so many letters at most; what is longer is a name of its own.
const LETTERS: usize = 2;

/// Refuses what looks like a misspelt name, and gives back the other names that are not known.
pub fn strange() -> Result<Vec<String>> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    strange_of(names)
}

fn strange_of(names: impl Iterator<Item = String>) -> Result<Vec<String>> {
    let mut servers: Vec<String> = Key::ALL.into_iter().map(Key::variable).collect();
    servers.push("CONFIG".to_owned());
    let others: Vec<String> = run_settings().chain(OTHERS.map(str::to_owned)).collect();
    let mut strange = Vec::new();
    for name in names {
        let Some(own) = name.strip_prefix(PREFIX) else { continue };
        if servers.iter().chain(&others).any(|known| known == own) {
            continue;
        }
        // What the server itself reads is what is meant first.
        if let Some(near) = near(own, &servers).or_else(|| near(own, &others)) {
            bail!("the environment has {name}, which is no setting; is {PREFIX}{near} meant?");
        }
        strange.push(name);
    }
    strange.sort();
    Ok(strange)
}

fn near<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let alike: Vec<&str> =
        known.iter().map(String::as_str).filter(|known| known.len().abs_diff(name.len()) <= LETTERS).collect();
    holdfast_model::nearest(name, &alike)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(names: &[&str]) -> Result<Vec<String>> {
        strange_of(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn a_misspelt_name_is_refused_with_the_one_that_is_meant() {
        for (name, meant) in [
            ("HOLDFAST_JOBZ", "HOLDFAST_JOBS"),
            ("HOLDFAST_LISTN", "HOLDFAST_LISTEN"),
            ("HOLDFAST_DATABSE", "HOLDFAST_DATABASE"),
            ("HOLDFAST_KEEP_DAYLY", "HOLDFAST_KEEP_DAILY"),
            ("HOLDFAST_PASWORD_FILE", "HOLDFAST_PASSWORD_FILE"),
        ] {
            let told = look(&[name]).unwrap_err().to_string();
            assert_eq!(told, format!("the environment has {name}, which is no setting; is {meant} meant?"));
        }
    }

    #[test]
    fn what_other_verbs_read_is_known_and_what_is_nobodys_is_told() {
        let known = ["HOLDFAST_JOBS", "HOLDFAST_KEEP_DAILY", "HOLDFAST_STATE", "HOLDFAST_SERVER", "PATH", "HOLDFASTER"];
        assert!(look(&known).unwrap().is_empty());
        // Of Kubernetes, of this project's own tests, and of secrets.
        let others = [
            "HOLDFAST_BIN",
            "HOLDFAST_BLESS",
            "HOLDFAST_EXAMPLES",
            "HOLDFAST_KILLS",
            "HOLDFAST_MARK",
            "HOLDFAST_PORT",
            "HOLDFAST_PORT_8420_TCP_ADDR",
            "HOLDFAST_RCLONE",
            "HOLDFAST_REPOSITORY_MAIN_PASSWORD",
            "HOLDFAST_RESTIC",
            "HOLDFAST_REST_SERVER",
            "HOLDFAST_SCHEMATHESIS",
            "HOLDFAST_SEED",
            "HOLDFAST_SERVICE_HOST",
            "HOLDFAST_SERVICE_PORT",
            "HOLDFAST_SFTP_SERVER",
            "HOLDFAST_SKIP_CHILD",
            "HOLDFAST_SKIP_LOG",
            "HOLDFAST_TEST_AGENT",
            "HOLDFAST_TEST_MOUNTS",
        ];
        assert_eq!(look(&others).unwrap(), others);
    }
}
