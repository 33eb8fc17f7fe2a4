//! Tables of figures, and the arithmetic that they share.

use comfy_table::{CellAlignment, presets};

pub(crate) struct Table {
    title: String,
    table: comfy_table::Table,
}

impl Table {
    /// A table whose first column is text, and all others figures.
    pub(crate) fn new(title: &str, columns: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header(columns.iter().copied());
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self { title: title.to_owned(), table }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.table.add_row(cells);
    }

    pub(crate) fn print(&self) {
        println!("\n{}\n\n{}", self.title, self.table);
    }
}

/// Sorts runs by a figure and returns the one in the middle: the upper one of two.
pub(crate) fn median_by<T: Copy>(runs: &mut [T], figure: impl Fn(&T) -> f64) -> T {
    runs.sort_by(|left, right| figure(left).total_cmp(&figure(right)));
    runs[runs.len() / 2]
}

/// A count to the nearest whole, with its thousands set apart.
pub(crate) fn number(count: f64) -> String {
    let digits = format!("{count:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many times as good, to two figures or to one decimal.
pub(crate) fn ratio(times: f64) -> String {
    if times < 10.0 { format!("{times:.2}×") } else { format!("{times:.0}×") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,568"],
            [0.0, 999.0, 1000.0, 1_234_567.8].map(number).each_ref().map(String::as_str)
        );
    }

    #[test]
    fn the_median_is_a_run_that_took_place() {
        assert_eq!(median_by(&mut [5.0, 1.0, 3.0], |run| *run), 3.0);
    }
}
