//! What is left out, as the agent is told.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use holdfast_model::parse_size;
use holdfast_model::pattern::{PatternList, pattern_lines};
use holdfast_wire::Filter;

use crate::args::ExcludeArgs;
use crate::environment;

/// Reads all options about what to leave out, and refuses patterns that are none.
pub fn filter(args: &ExcludeArgs) -> Result<Filter> {
    let mut exclude = args.exclude.clone();
    let mut iexclude = args.iexclude.clone();
    for (files, patterns) in [(&args.exclude_file, &mut exclude), (&args.iexclude_file, &mut iexclude)] {
        for file in files {
            patterns.extend(patterns_of(file)?);
        }
    }
    PatternList::parse(&exclude, false)?;
    PatternList::parse(&iexclude, true)?;
    if args.exclude_if_present.iter().any(|name| name.is_empty() || name.starts_with(':') || name.contains('/')) {
        bail!("--exclude-if-present takes the name of a file, with or without :HEADER");
    }
    Ok(Filter {
        exclude,
        iexclude,
        exclude_if_present: args.exclude_if_present.clone(),
        exclude_caches: args.exclude_caches,
        exclude_larger_than: args
            .exclude_larger_than
            .as_deref()
            .map(parse_size)
            .transpose()
            .context("--exclude-larger-than")?,
        one_file_system: args.one_file_system,
        local_only: false,
    })
}

/// The patterns of a file, with `$VARIABLES` replaced as restic does.
fn patterns_of(path: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read the patterns in {}", path.display()))?;
    Ok(pattern_lines(&text).map(|line| expand(line, environment::variable)).collect())
}

/// Replaces `$NAME` and `${NAME}`; `$$` stands for a dollar sign. An unset variable is empty.
fn expand(line: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (name, after) = if let Some(inner) = rest.strip_prefix('{') {
            inner.split_once('}').unwrap_or((inner, ""))
        } else if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            ("", after)
        } else {
            rest.split_at(rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len()))
        };
        expanded.extend(Some(name).filter(|name| !name.is_empty()).and_then(&variable));
        rest = after;
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_in_pattern_files_are_replaced() {
        let home = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        assert_eq!(expand("$HOME/x/${HOME}y/$$z/$NONE.", home), "/root/x//rooty/$z/.");
    }
}
