//! Latencies over time, thinned to a grid as fine as a plot can show.

/// Rows of the grid to a factor of ten in latency: neighbours differ by less than two percent.
const ROWS_PER_DECADE: f64 = 128.0;

/// The latency of the lowest row. Whatever is faster, down to nothing, falls there.
const LOWEST_NS: f64 = 1_000.0;

/// How many operations began in each window of time with each latency, by bands two percent wide.
///
/// It stores only bands that occur. Where a window has one operation, its place in time is kept to a 256th of the
/// window, so that a sparse plot shows operations where they were and not where the grid is.
#[derive(Debug, Default)]
pub struct LatencyGrid {
    columns: Vec<Vec<Cell>>,
}

/// Operations of one window whose latencies differ by less than two percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    row: u16,
    offset: u8,
    /// How many operations there are.
    pub count: u32,
}

impl Cell {
    /// Their latency, in milliseconds: the middle of the band.
    pub fn latency_ms(&self) -> f64 {
        LOWEST_NS * 10f64.powf(f64::from(self.row) / ROWS_PER_DECADE) / 1e6
    }

    /// When the first of them began, from 0 at the begin of the window to 1 at its end.
    pub fn offset(&self) -> f64 {
        f64::from(self.offset) / 256.0
    }
}

impl LatencyGrid {
    /// Counts one operation. The windows' width must not have changed but by [`widen`](Self::widen).
    pub fn add(&mut self, window_ns: u64, invoked_ns: u64, latency_ns: u64) {
        let column = (invoked_ns / window_ns) as usize;
        if self.columns.len() <= column {
            self.columns.resize_with(column + 1, Vec::new);
        }
        let offset = (u128::from(invoked_ns % window_ns) * 256 / u128::from(window_ns)) as u8;
        insert(&mut self.columns[column], Cell { row: row(latency_ns), offset, count: 1 });
    }

    /// Makes every window `factor` times as wide.
    pub fn widen(&mut self, factor: usize) {
        self.columns = self.columns.chunks(factor).map(|columns| merge(columns, factor)).collect();
    }

    /// The cells of each window, from the begin of the run, fastest first.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &[Cell]> {
        self.columns.iter().map(Vec::as_slice)
    }

    /// How many operations were counted.
    pub fn count(&self) -> u64 {
        self.columns.iter().flatten().map(|cell| u64::from(cell.count)).sum()
    }
}

/// The quantiles of some cells of any windows, in milliseconds, for ascending `quantiles`; `None` without cells.
pub fn quantiles_ms<const N: usize>(mut cells: Vec<Cell>, quantiles: [f64; N]) -> Option<[f64; N]> {
    cells.sort_unstable_by_key(|cell| cell.row);
    let total: u64 = cells.iter().map(|cell| u64::from(cell.count)).sum();
    let last = cells.last()?.latency_ms();
    Some(quantiles.map(|quantile| {
        let rank = (quantile * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let reached = cells.iter().find(|cell| {
            seen += u64::from(cell.count);
            seen >= rank
        });
        reached.map_or(last, Cell::latency_ms)
    }))
}

/// The row of a latency.
fn row(latency_ns: u64) -> u16 {
    let ratio = latency_ns as f64 / LOWEST_NS;
    if ratio <= 1.0 { 0 } else { (ratio.log10() * ROWS_PER_DECADE).round() as u16 }
}

/// Adds a cell to a column, which is sorted by row; the first operation of a cell gives it its place in time.
fn insert(column: &mut Vec<Cell>, cell: Cell) {
    match column.binary_search_by_key(&cell.row, |cell| cell.row) {
        Ok(at) => column[at].count = column[at].count.saturating_add(cell.count),
        Err(at) => column.insert(at, cell),
    }
}

/// The column that several neighbours make together.
fn merge(columns: &[Vec<Cell>], factor: usize) -> Vec<Cell> {
    let mut merged = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        for cell in column {
            let offset = ((index * 256 + usize::from(cell.offset)) / factor) as u8;
            insert(&mut merged, Cell { offset, ..*cell });
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_kept_within_one_percent() {
        for latency_ns in [1_000, 5_432, 1_500_000, 999_999_999, 3_600_000_000_000] {
            let mut grid = LatencyGrid::default();
            grid.add(1_000, 0, latency_ns);
            let kept_ms = grid.columns().next().unwrap()[0].latency_ms();
            assert!(
                (kept_ms / (latency_ns as f64 / 1e6) - 1.0).abs() < 0.01,
                "{latency_ns} became {kept_ms} ms"
            );
        }
    }

    #[test]
    fn an_immediate_answer_has_the_lowest_latency() {
        let mut grid = LatencyGrid::default();
        grid.add(1_000, 0, 0);
        assert_eq!(grid.columns().next().unwrap()[0].latency_ms(), 0.001);
    }

    #[test]
    fn widening_keeps_counts_and_places() {
        let mut grid = LatencyGrid::default();
        for window in 0..5 {
            grid.add(1_000, window * 1_000 + 500, 1_000_000 << window);
        }
        grid.widen(5);
        let column = grid.columns().next().unwrap();
        assert_eq!(grid.columns().len(), 1);
        for (cell, begun) in column.iter().zip([0.1, 0.3, 0.5, 0.7, 0.9]) {
            assert!((cell.offset() - begun).abs() < 0.01);
        }
    }

    #[test]
    fn quantiles_are_those_of_the_operations() {
        let mut grid = LatencyGrid::default();
        for latency_ms in 1..=100 {
            grid.add(1_000_000_000, 0, latency_ms * 1_000_000);
        }
        let cells = grid.columns().flatten().copied().collect();
        let [median, p95, max] = quantiles_ms(cells, [0.5, 0.95, 1.0]).unwrap();
        for (found, expected) in [(median, 50.0), (p95, 95.0), (max, 100.0)] {
            assert!((found / expected - 1.0f64).abs() < 0.02, "{found} is not about {expected}");
        }
        assert_eq!(quantiles_ms(Vec::new(), [0.5]), None);
    }
}
