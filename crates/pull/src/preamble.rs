//! The first command on a client: a small POSIX shell script that finds, receives and starts the agent.
//!
//! It is the *command* of the SSH session, because a shell that reads its script from standard input reads too much.
//! It is one line without single quotes, backslashes, newlines and exclamation marks, so that whatever login shell
//! the client has hands it to `sh` unharmed. It writes one line, [`Line`], then becomes the agent.

use std::fmt::Write;

use crate::agents::Agents;

/// Starts every line that the script writes.
const MARK: &str = "holdfast-preamble";

/// How to start the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Start {
    /// Run it through `sudo -n`.
    pub sudo: bool,
    /// Leave nothing on the client.
    pub ephemeral: bool,
    /// Start the agent that is installed there, and bring none. A forced command starts it whatever is asked for.
    pub installed: bool,
}

/// What the script says before it becomes the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// The agent is there and starts.
    Cached,
    /// Send the agent for this architecture.
    Need(String),
    /// It can't go on; why.
    Error(String),
}

impl Line {
    /// Reads one line, without its line feed; `None` if it is not the script's.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let words = line.strip_prefix(MARK)?.strip_prefix(' ')?;
        let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
        match verb {
            "cached" => Some(Self::Cached),
            "need" => Some(Self::Need(rest.to_owned())),
            "error" => Some(Self::Error(rest.to_owned())),
            _ => None,
        }
    }
}

/// Which agent for which `uname -m`.
const TABLE: &str = "@AGENTS@";

/// The script. `$1` is set to `1` for an ephemeral run, `$2` to the command that runs the agent (`sudo -n` or nothing).
///
/// `usable` copies a shell into a candidate folder and runs it: that finds read-only and noexec file systems before
/// anything is sent. The agent is told the home of the login, because `sudo` changes `$HOME`. Where no program computes SHA-256, the agent is received anew each time: SSH vouches for it.
const SCRIPT: &str = concat!(
    r#"umask 077; say() { echo "holdfast-preamble $*"; }; "#,
    r#"fail() { say error "$*"; exit 69; }; "#,
    r#"[ "$(uname -s)" = Linux ] || fail "this host runs $(uname -s): the agent needs Linux"; "#,
    r#"m=$(uname -m); case $m in amd64) m=x86_64;; arm64) m=aarch64;; armv8l) m=armv7l;; esac; "#,
    r#"case $m in @AGENTS@ *) fail "no agent for the architecture $m is installed on the backup server";; esac; "#,
    r#"sum() { sha256sum < "$1" 2>/dev/null || openssl dgst -r -sha256 < "$1" 2>/dev/null || busybox sha256sum < "$1" 2>/dev/null; }; "#,
    r#"same() { s=$(sum "$1"); [ "${s%% *}" = "$h" ]; }; "#,
    r#"usable() { mkdir -p "$1" 2>/dev/null || return 1; p=$1/holdfast-probe-$$; mkdir "$p" 2>/dev/null || return 1; "#,
    r#"cp "$(command -v sh)" "$p/sh" 2>/dev/null && "$p/sh" -c : 2>/dev/null; r=$?; rm -rf "$p"; return $r; }; "#,
    r#"c=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/holdfast; f=$c/agent-$h; "#,
    r#"if [ "$1" = 0 ] && [ -x "$f" ] && same "$f" && "$f" --version >/dev/null 2>&1; then "#,
    r#"say cached; exec $2 "$f" --stdio --home "$HOME"; fi; d=; "#,
    r#"if [ "$1" = 0 ] && usable "$c"; then d=$c; t=$c/agent-$h.$$; e=; else "#,
    r#"for b in "${TMPDIR:-/tmp}" /var/tmp /dev/shm "${XDG_RUNTIME_DIR:-/tmp}" "${HOME:-/tmp}" /run; do "#,
    r#"if usable "$b"; then d=$b/holdfast-agent-$$; mkdir "$d" 2>/dev/null && break; d=; fi; done; "#,
    r#"t=$d/agent; f=$t; e=1; fi; "#,
    r#"[ -n "$d" ] || fail "no folder where this user may write and run a program was found (tried $c, /tmp, /var/tmp, /dev/shm, the home and /run)"; "#,
    r#"clean() { rm -f "$t"; [ -z "$e" ] || rmdir "$d" 2>/dev/null; }; trap "clean; exit 69" HUP INT TERM PIPE; "#,
    r#"say need "$m"; head -c "$n" > "$t" 2>/dev/null; "#,
    r#"[ "$(wc -c < "$t" | tr -d " ")" = "$n" ] || { clean; fail "the agent could not be stored in $d (is the disk full? with --ephemeral another place is tried)"; }; "#,
    r#"if [ -n "$(sum /dev/null)" ] && { same "$t"; [ $? -ne 0 ]; }; then clean; fail "the agent arrived damaged"; fi; "#,
    r#"chmod 700 "$t"; if [ -z "$e" ]; then mv -f "$t" "$f" || { clean; fail "cannot write to $c"; }; "#,
    r#"find "$c" -name "agent-*" -mtime +30 -exec rm -f {} + 2>/dev/null; fi; trap - HUP INT TERM PIPE; "#,
    r#"if [ -n "$e" ]; then exec $2 "$f" --stdio --home "$HOME" --ephemeral "$d"; fi; "#,
    r#"exec $2 "$f" --stdio --home "$HOME""#,
);

/// The command for the SSH session.
pub(crate) fn command(agents: &Agents, start: Start) -> String {
    if start.installed {
        let sudo = if start.sudo { "sudo -n " } else { "" };
        return format!("exec {sudo}holdfast-agent --stdio");
    }
    let mut table = String::new();
    for agent in agents.iter() {
        // Architectures are letters, digits and underscores: the manifest was checked for that.
        let _ = write!(table, "{}) h={}; n={};; ", agent.architecture, agent.sha256, agent.size);
    }
    let script = SCRIPT.replace(TABLE, table.trim_end());
    let (ephemeral, sudo) = (u8::from(start.ephemeral), if start.sudo { "sudo -n" } else { "" });
    format!("exec sh -c '{script}' holdfast {ephemeral} '{sudo}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_survives_every_login_shell() {
        assert!(!SCRIPT.contains(['\'', '\\', '\n', '!']));
    }

    #[test]
    fn only_the_scripts_own_lines_are_read() {
        assert_eq!(Line::parse("holdfast-preamble cached"), Some(Line::Cached));
        assert_eq!(Line::parse("holdfast-preamble need x86_64"), Some(Line::Need("x86_64".into())));
        assert_eq!(Line::parse("holdfast-preamble error no way"), Some(Line::Error("no way".into())));
        assert_eq!(Line::parse("Welcome to web1"), None);
        assert_eq!(Line::parse("holdfast-preamble"), None);
        assert_eq!(Line::parse("holdfast-preamble dance"), None);
    }
}
