//! The known name that somebody may have meant.

/// The nearest of some names, if one is near: a few letters away, or the longer or shorter form of it.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(1);
    let distance = |other: &&str| {
        let longer = name.len() >= 3 && other.len() >= 3 && (other.starts_with(name) || name.starts_with(*other));
        if longer { 1 } else { edits(name, other) }
    };
    known
        .iter()
        .copied()
        .map(|other| (distance(&other), other))
        .min()
        .filter(|(far, _)| *far <= allowed)
        .map(|(_, near)| near)
}

/// Letters to add, take away or change, or neighbours to swap (optimal string alignment, Damerau 1964).
fn edits(from: &str, to: &str) -> usize {
    // What is longer than any name is near to none.
    if from.len() > 100 {
        return usize::MAX;
    }
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    for line in 1..=from.len() {
        let mut row = vec![line; to.len() + 1];
        for at in 1..=to.len() {
            let is_same = from[line - 1] == to[at - 1];
            let changed = rows[line - 1][at - 1] + usize::from(!is_same);
            row[at] = changed.min(rows[line - 1][at] + 1).min(row[at - 1] + 1);
            let is_swapped = line > 1 && at > 1 && from[line - 1] == to[at - 2] && from[line - 2] == to[at - 1];
            if is_swapped {
                row[at] = row[at].min(rows[line - 2][at - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_probably_meant_is_found_and_nothing_else() {
        let known = ["hostname", "connection", "quota_bytes", "tags", "enabled"];
        assert_eq!(nearest("hostnam", &known), Some("hostname"));
        assert_eq!(nearest("conection", &known), Some("connection"));
        assert_eq!(nearest("quota", &known), Some("quota_bytes"));
        assert_eq!(nearest("tag", &known), Some("tags"));
        assert_eq!(nearest("prot", &["port", "user"]), Some("port"));
        assert_eq!(nearest("password", &known), None);
        assert_eq!(nearest("", &known), None);
        assert_eq!(nearest(&"x".repeat(10_000), &known), None);
    }
}
