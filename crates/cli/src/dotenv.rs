//! `.env` files: one `NAME=VALUE` a line, as shells and service managers write them.
//!
//! Lines may begin with `export`; `#` begins a comment, behind a value only after a blank. Single quotes take everything
//! as it is, double quotes know `\n`, `\"`, `\\` and `\$`; both may go over several lines. Nothing is expanded.

/// A line that is none of these.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no NAME=VALUE: {problem}")]
pub struct DotenvError {
    line: usize,
    problem: &'static str,
}

/// Reads all variables, in order.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, DotenvError> {
    let mut variables = Vec::new();
    let mut rest = text.trim_start_matches('\u{feff}');
    while !rest.is_empty() {
        let line = 1 + text[..text.len() - rest.len()].matches('\n').count();
        let fail = |problem| DotenvError { line, problem };
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let first = first.trim();
        if first.is_empty() || first.starts_with('#') {
            rest = after;
            continue;
        }
        let assignment = rest.trim_start();
        let assignment = assignment.strip_prefix("export ").map_or(assignment, str::trim_start);
        let (name, value) =
            assignment.split_once('=').filter(|(name, _)| !name.contains('\n')).ok_or_else(|| fail("it has no ="))?;
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(fail("the name is none that a variable can have"));
        }
        let (value, after) = value_of(value.trim_start_matches([' ', '\t'])).map_err(fail)?;
        variables.push((name.to_owned(), value));
        rest = after;
    }
    Ok(variables)
}

/// A value, and what follows its line.
fn value_of(text: &str) -> Result<(String, &str), &'static str> {
    let (value, after) = match text.as_bytes().first() {
        Some(b'\'') => {
            let (value, after) = text[1..].split_once('\'').ok_or("its quote is not closed")?;
            (value.to_owned(), after)
        }
        Some(b'"') => double_quoted(&text[1..])?,
        _ => {
            let (line, after) = text.split_once('\n').unwrap_or((text, ""));
            let end = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
            let value = if line.starts_with('#') { "" } else { line[..end].trim() };
            return Ok((value.to_owned(), after));
        }
    };
    let (behind, after) = after.split_once('\n').unwrap_or((after, ""));
    let behind = behind.trim();
    if behind.is_empty() || behind.starts_with('#') {
        Ok((value, after))
    } else {
        Err("something follows the quoted value")
    }
}

fn double_quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, letter)) = chars.next() {
        match letter {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => match chars.next().map(|(_, letter)| letter) {
                Some('n') => value.push('\n'),
                Some(letter @ ('"' | '\\' | '$' | '`')) => value.push(letter),
                Some(letter) => value.extend(['\\', letter]),
                None => break,
            },
            letter => value.push(letter),
        }
    }
    Err("its quote is not closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_shells_and_service_managers_write_them() {
        let text =
            "# comment\n\nA=1\nexport B = two words # said\nC='a # \"b\nc'\nD=\"x\\n\\\"y\\\"\" # z\nE=\nF=a#b\r\nG=#x";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "a # \"b\nc"),
            ("D", "x\n\"y\""),
            ("E", ""),
            ("F", "a#b"),
            ("G", ""),
        ];
        assert_eq!(parse(text).unwrap(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_no_assignment_is_refused_with_its_line() {
        for (text, line) in [("A=1\nB\nC=2", 2), ("A='x", 1), ("\nA-B=1", 2), ("A=\"x\" y", 1), ("=x", 1)] {
            assert_eq!(parse(text).unwrap_err().line, line, "{text:?}");
        }
    }
}
