//! Columns of text, for lists.

/// A table that is as wide as its content.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// A table with these headings; one that begins with `>` is set to the right.
    pub fn new(headings: &[&str]) -> Self {
        let right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        Self { rows: vec![headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect()], right }
    }

    /// Adds a row. A cell may have several lines.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// All lines: headings, a rule, the rows.
    pub fn lines(&self) -> Vec<String> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).flat_map(|cell| cell.lines());
            cells.map(|line| line.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let mut lines = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let height = row.iter().map(|cell| cell.lines().count()).max().unwrap_or(1).max(1);
            for part in 0..height {
                let cells = widths.iter().enumerate().map(|(column, width)| {
                    let text = row.get(column).and_then(|cell| cell.lines().nth(part)).unwrap_or_default();
                    if self.right[column] { format!("{text:>width$}") } else { format!("{text:<width$}") }
                });
                lines.push(cells.collect::<Vec<_>>().join("  ").trim_end().to_owned());
            }
            if number == 0 {
                lines.push("-".repeat(widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["ID", ">Size"]);
        table.row(["4f2a81c0".into(), "12 B".into()]);
        table.row(["a\nb".into(), "1.500 KiB".into()]);
        assert_eq!(
            table.lines(),
            ["ID             Size", "-------------------", "4f2a81c0       12 B", "a         1.500 KiB", "b"]
        );
    }
}
