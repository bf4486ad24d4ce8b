//! Patterns that choose paths: restic's exclude and include language.
//!
//! A pattern is cleaned as a path is, and split at `/`. Each part is matched against one component, by the rules of
//! Go's `filepath.Match` (see `glob`); `**` stands for any number of components. A pattern that begins with `/` is
//! matched from the root, any other anywhere; whatever lies beneath a match is a match too. One that begins with `!`
//! takes back what earlier ones matched. Paths are bytes: names need not be UTF-8.
//! The source is doc/040_backup.rst of restic and the behaviour of restic 0.19. Comments, blank lines and variables are
//! matters of pattern files, not of patterns.

mod glob;
mod path;
#[cfg(test)]
mod tests;

use glob::Glob;

/// Patterns in the order in which they were given.
#[derive(Debug, Clone, Default)]
pub struct PatternList {
    patterns: Vec<Pattern>,
    case_insensitive: bool,
}

/// Patterns that break the rules: an unclosed or empty `[…]`, or a `\` at the end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid patterns, check their brackets and backslashes: {}", patterns.join(" "))]
pub struct PatternError {
    /// The patterns as given.
    pub patterns: Vec<String>,
}

/// What a list says of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The path is chosen, or lies beneath one that is.
    pub matched: bool,
    /// If it is a directory, something beneath it may be chosen.
    pub child_may_match: bool,
}

#[derive(Debug, Clone)]
struct Pattern {
    negated: bool,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// `/` at the beginning.
    Root,
    Name(Glob),
    /// `**`
    AnyNames,
}

impl PatternList {
    /// Reads patterns; empty ones are passed over. If `case_insensitive`, capitals count as small letters, in patterns
    /// and in paths.
    ///
    /// # Errors
    /// Fails with all patterns that are malformed.
    pub fn parse<S: AsRef<str>>(
        patterns: impl IntoIterator<Item = S>,
        case_insensitive: bool,
    ) -> Result<Self, PatternError> {
        let (mut list, mut invalid) = (Vec::new(), Vec::new());
        for text in patterns {
            let text = text.as_ref();
            let lower = case_insensitive.then(|| path::lowercase(text.as_bytes()));
            let bytes = lower.as_deref().unwrap_or(text.as_bytes());
            match Pattern::parse(bytes) {
                _ if text.is_empty() => {}
                Some(pattern) => list.push(pattern),
                None => invalid.push(text.to_owned()),
            }
        }
        if invalid.is_empty() {
            Ok(Self { patterns: list, case_insensitive })
        } else {
            Err(PatternError { patterns: invalid })
        }
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Whether the path is chosen. Paths are absolute, as in a snapshot; an empty one never matches.
    pub fn matches(&self, path: &[u8]) -> bool {
        self.verdict(path).matched
    }

    /// Whether anything beneath the path may be chosen, so that it has to be looked at.
    pub fn child_may_match(&self, path: &[u8]) -> bool {
        self.verdict(path).child_may_match
    }

    /// Both answers at once.
    pub fn verdict(&self, path: &[u8]) -> Verdict {
        if path.is_empty() || self.patterns.is_empty() {
            return Verdict::default();
        }
        let lower = self.case_insensitive.then(|| path::lowercase(path));
        let components: Vec<&[u8]> = path::components(lower.as_deref().unwrap_or(path)).collect();
        let mut verdict = Verdict::default();
        for pattern in &self.patterns {
            let matched = pattern.matches(&components);
            if pattern.negated {
                verdict.matched &= !matched;
                verdict.child_may_match &= !matched;
            } else {
                verdict.matched |= matched;
                verdict.child_may_match = verdict.child_may_match || pattern.child_may_match(&components);
            }
        }
        verdict
    }
}

/// The patterns of a pattern file, before variables are expanded: lines without the space around them, but no blank
/// ones and none that begins with `#`.
pub fn pattern_lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Pattern {
    fn parse(text: &[u8]) -> Option<Self> {
        let (negated, text) = match text.strip_prefix(b"!") {
            Some(text) => (true, text),
            None => (false, text),
        };
        let clean = path::clean(text);
        let part = |component: &[u8]| match component {
            b"/" => Some(Part::Root),
            // The pattern `/` has an empty component after the root.
            b"" | b"**" => Some(Part::AnyNames),
            name => Glob::parse(name).map(Part::Name),
        };
        let parts = path::components(&clean).map(part).collect::<Option<_>>()?;
        Some(Self { negated, parts })
    }

    fn is_absolute(&self) -> bool {
        self.parts.first() == Some(&Part::Root)
    }

    fn matches(&self, components: &[&[u8]]) -> bool {
        let offsets = if self.is_absolute() {
            0..1
        } else {
            // What comes before the first `/` of an absolute path has no name.
            usize::from(components[0] == b"/")..components.len()
        };
        offsets.into_iter().any(|offset| self.matches_at(components, offset))
    }

    /// Whether the pattern fits the components from `offset` on, with any number of them left over.
    ///
    /// Each run of parts between two `**` is taken where it fits first: that leaves the most for the next. restic
    /// looks at most so far that each further `**` could still have one component, even though it may have none; in
    /// patterns with several of them this tells, so `room` counts as restic does.
    fn matches_at(&self, components: &[&[u8]], offset: usize) -> bool {
        let mut runs = self.parts.split(|part| *part == Part::AnyNames);
        let first = runs.next().unwrap_or_default();
        if !fits(first, components, offset) {
            return false;
        }
        let Some(mut room) = (components.len() + 1).checked_sub(self.parts.len()) else { return false };
        let mut at = offset + first.len();
        for run in runs {
            let Some(passed) = (0..=room).find(|passed| fits(run, components, at + passed)) else { return false };
            at += passed + run.len();
            room = room + 1 - passed;
        }
        true
    }

    fn child_may_match(&self, components: &[&[u8]]) -> bool {
        let fixed = self.parts.split(|part| *part == Part::AnyNames).next().unwrap_or_default();
        !self.is_absolute() || fixed.iter().zip(components).all(|(part, component)| part.matches(component))
    }
}

/// Whether the components at `at` match the parts, one by one.
fn fits(parts: &[Part], components: &[&[u8]], at: usize) -> bool {
    let there = components.get(at..at + parts.len());
    there.is_some_and(|there| parts.iter().zip(there).all(|(part, component)| part.matches(component)))
}

impl Part {
    fn matches(&self, component: &[u8]) -> bool {
        match self {
            Self::Root => component == b"/",
            Self::Name(glob) => glob.matches(component),
            Self::AnyNames => true,
        }
    }
}
