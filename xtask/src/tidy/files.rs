//! Which files belong to the project.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::output;

/// All files that git knows or would take, as paths from the root; without git (an unpacked archive) all but what
/// was built.
pub(super) fn list(root: &Path) -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(root);
    let mut found = match output(&mut git) {
        Ok(names) => names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect(),
        Err(_) => {
            let mut found = Vec::new();
            walk(root, Path::new(""), &mut found)?;
            found
        }
    };
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(root: &Path, at: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let dir = root.join(at);
    let entries = std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot list {}", dir.display()))?;
        let path = at.join(entry.file_name());
        let kind = entry.file_type().with_context(|| format!("cannot look at {}", path.display()))?;
        let built = at.as_os_str().is_empty() && ["target", "demo", ".git"].iter().any(|name| path == Path::new(name));
        if kind.is_dir() && !built {
            walk(root, &path, found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}
