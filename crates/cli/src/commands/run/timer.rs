//! What makes `holdfast run` run every night: a systemd timer, or a line for cron.

use std::env;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::settings::Files;

/// The text to install, with absolute paths. What only this shell's variables say would be gone at night, so that there
/// must be a file.
pub fn text(files: &Files) -> Result<String> {
    if files.config.is_none() && files.env.is_none() {
        bail!(
            "write the settings into holdfast.toml first, as `holdfast run --help` shows: a timer does not see this shell"
        );
    }
    let program = env::current_exe().context("cannot find this program's own file")?;
    let folder = env::current_dir().context("the current directory is gone")?;
    let mut words = vec![shown(&program)?, "run".to_owned()];
    for (option, file) in [("--config", &files.config), ("--env-file", &files.env)] {
        if let Some(file) = file {
            words.extend([option.to_owned(), shown(&folder.join(file))?]);
        }
    }
    Ok(render(&words, &shown(&folder)?))
}

fn shown(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(text.to_owned())
}

fn render(words: &[String], folder: &str) -> String {
    let systemd: Vec<String> = words.iter().map(|word| systemd_word(word)).collect();
    let cron: Vec<String> = words.iter().map(|word| cron_word(word)).collect();
    format!(
        "\
# /etc/systemd/system/holdfast.service
[Unit]
Description=Holdfast backup
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
Environment=HOME=%h
WorkingDirectory={}
ExecStart={}

# /etc/systemd/system/holdfast.timer
[Unit]
Description=Holdfast backup every night

[Timer]
OnCalendar=*-*-* 02:30:00
RandomizedDelaySec=30min
Persistent=true

[Install]
WantedBy=timers.target

# Then: systemctl daemon-reload && systemctl enable --now holdfast.timer
#
# Or, with cron, this line in `crontab -e`:
# 30 2 * * * cd {} && {}
",
        folder.replace('%', "%%"),
        systemd.join(" "),
        cron_word(folder),
        cron.join(" ")
    )
}

/// systemd.syntax(7) and systemd.service(5): quotes, and `%` and `$` doubled.
fn systemd_word(word: &str) -> String {
    let word = word.replace('%', "%%").replace('$', "$$");
    if is_plain(&word) { word } else { format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// A word for the shell, in which crontab(5) wants `%` escaped.
fn cron_word(word: &str) -> String {
    let word = if is_plain(word) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) };
    word.replace('%', r"\%")
}

fn is_plain(word: &str) -> bool {
    word.chars().all(|letter| letter.is_alphanumeric() || "/._-%@:+,=".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_out_as_they_went_in() {
        assert_eq!(systemd_word("/srv/a b%\"c$d"), "\"/srv/a b%%\\\"c$$d\"");
        assert_eq!(cron_word("/srv/it's 5%"), r"'/srv/it'\''s 5\%'");
        assert_eq!(cron_word("/usr/bin/holdfast"), "/usr/bin/holdfast");
    }
}
