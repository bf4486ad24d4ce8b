//! Numbers, times and names as people read them.

use std::time::Duration;

/// Bytes in binary units: `1.500 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let power = (count.ilog2() / 10) as usize;
    format!("{:.3} {}", count as f64 / (1u64 << (10 * power)) as f64, UNITS[power - 1])
}

/// A count with its noun: `1 file`, `2 files`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `0:07`, `12:34`, `3:02:11`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// What a line about a host, one of several, begins with.
pub fn prefix(host: Option<&str>) -> String {
    host.map(|host| format!("{host}: ")).unwrap_or_default()
}

/// A path on one line, whatever bytes it has.
pub fn path(path: &[u8]) -> String {
    holdfast_pull::printable_path(path)
}

/// Text that others chose, on one line: what would move the cursor or turn the direction of writing stands as `?`.
pub fn printable(text: &str) -> String {
    let is_unfit = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if is_unfit(c) { '?' } else { c }).collect()
}

/// `drwxr-xr-x`, of `st_mode & 0o7777` and the letter of the kind.
pub fn permissions(kind: char, mode: u32) -> String {
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.500 KiB");
        assert_eq!(bytes(u64::MAX), "16.000 EiB");
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(duration(Duration::from_secs(3 * 3600 + 131)), "3:02:11");
        assert_eq!(printable("a\tb\u{1b}[2J\u{202e}größer"), "a?b?[2J?größer");
        assert_eq!(permissions('-', 0o4755), "-rwsr-xr-x");
        assert_eq!(permissions('d', 0o1770), "drwxrwx--T");
    }
}
