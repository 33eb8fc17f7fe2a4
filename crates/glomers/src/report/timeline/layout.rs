//! The positions of processes and times on the page.

use std::collections::BTreeMap;

use glomers_check::{OperationKind, Process};
use glomers_workbench::verdict::perf::Faults;

use super::{Bar, seconds};
use crate::report::axis::duration_label;

/// The width of a column, in pixels.
const COLUMN: usize = 190;
/// Room for the name of a fault.
const NAME: usize = 108;
/// The width of the times' column.
const GUTTER: usize = 84;
/// The height of a line of text.
const LINE: f64 = 15.0;
/// The page is never taller than this, in pixels; browsers draw some millions, and nobody scrolls that far.
const TALLEST: f64 = 400_000.0;
/// The distance of two times.
const TIME_GAP: f64 = 90.0;

/// The page's geometry.
pub(super) struct Layout<'a> {
    pub(super) width: usize,
    pub(super) height: String,
    pub(super) columns: Vec<Column>,
    pub(super) bars: Vec<Placed<'a>>,
    pub(super) bands: Vec<Band>,
    pub(super) times: Vec<(String, String)>,
}

/// The processes that share a column, one after the other.
pub(super) struct Column {
    pub(super) left: usize,
    pub(super) heading: String,
}

/// A bar with its position.
pub(super) struct Placed<'a> {
    pub(super) bar: &'a Bar,
    pub(super) class: &'static str,
    pub(super) left: usize,
    pub(super) top: String,
    pub(super) height: String,
    /// The words beside it; empty if the next bar leaves no room.
    pub(super) label: String,
    pub(super) details: Vec<(&'static str, String)>,
}

/// The time of a fault.
pub(super) struct Band {
    pub(super) name: String,
    /// How far its name is from the edge. Each fault has its own place, because several may be active at once.
    pub(super) inset: usize,
    pub(super) top: String,
    pub(super) height: String,
}

impl<'a> Layout<'a> {
    pub(super) fn new(bars: &'a [Bar], faults: &Faults, end_ns: u64) -> Layout<'a> {
        let columns = assign(bars);
        let pixels_per_ns = pixels_per_ns(bars, &columns, end_ns);
        let y = |time_ns: u64| 8.0 + time_ns as f64 * pixels_per_ns;
        let next = next_in_column(bars, &columns);
        let placed = bars.iter().enumerate().map(|(index, bar)| {
            let end_ns = bar.end.as_ref().map_or(end_ns, |end| end.time_ns);
            let room = next[index].map_or(f64::INFINITY, |next| y(bars[next].start_ns) - y(bar.start_ns));
            Placed {
                bar,
                class: bar.class(),
                left: GUTTER + columns[index] * COLUMN,
                top: pixels(y(bar.start_ns)),
                height: pixels((y(end_ns) - y(bar.start_ns)).max(2.0)),
                label: if room >= LINE - 3.0 { bar.label() } else { String::new() },
                details: details(bar),
            }
        });
        let names = faults.names();
        let inset = |name: &str| names.iter().position(|other| *other == name).unwrap_or(0) * NAME;
        let bands = faults.spans().iter().filter(|span| span.start_ns <= end_ns).map(|span| Band {
            name: span.name.clone(),
            inset: inset(&span.name),
            top: pixels(y(span.start_ns)),
            height: pixels((y(span.end_ns.unwrap_or(end_ns).min(end_ns)) - y(span.start_ns)).max(2.0)),
        });
        Layout {
            width: GUTTER + (columns.iter().max().map_or(0, |last| last + 1)) * COLUMN,
            height: pixels(y(end_ns) + 3.0 * LINE),
            columns: headings(bars, &columns),
            bars: placed.collect(),
            bands: bands.collect(),
            times: times(end_ns, pixels_per_ns)
                .into_iter()
                .map(|time_ns| (pixels(y(time_ns)), time(time_ns)))
                .collect(),
        }
    }
}

/// The details of an operation: names and values.
fn details(bar: &Bar) -> Vec<(&'static str, String)> {
    let mut details = vec![("process", bar.process.to_string())];
    match &bar.end {
        None => details.push(("type", "never completed".to_owned())),
        Some(end) => details.push(("type", end.kind.to_string())),
    }
    details.push(("invoked", format!("{} (index {})", seconds(bar.start_ns), bar.index)));
    details.push(("with", bar.value.clone()));
    if let Some(end) = &bar.end {
        details.push(("completed", format!("{} (index {})", seconds(end.time_ns), end.index)));
        details.extend(bar.duration().map(|duration| ("after", duration)));
        details.push(("value", end.value.clone()));
        details.extend(end.error.clone().map(|error| ("error", error)));
    }
    details
}

/// The column of each bar. A process whose operation ended in `info` never comes back, so the next new one takes its
/// column: these are mostly the same client under a new number. The nemesis has the first column.
fn assign(bars: &[Bar]) -> Vec<usize> {
    let mut column_of: BTreeMap<Process, usize> = BTreeMap::new();
    // For each column when it becomes free; `None` while its process may come back.
    let mut free_ns: Vec<Option<u64>> = Vec::new();
    if bars.iter().any(|bar| bar.process == Process::Nemesis) {
        column_of.insert(Process::Nemesis, 0);
        free_ns.push(None);
    }
    bars.iter()
        .map(|bar| {
            let column = *column_of.entry(bar.process).or_insert_with(|| {
                let free =
                    free_ns.iter().position(|free_ns| free_ns.is_some_and(|free_ns| free_ns <= bar.start_ns));
                free.unwrap_or(free_ns.len())
            });
            let crashed = bar
                .end
                .as_ref()
                .filter(|end| end.kind == OperationKind::Info && bar.process != Process::Nemesis);
            let state = crashed.map(|end| end.time_ns);
            match free_ns.get_mut(column) {
                Some(free_ns) => *free_ns = state,
                None => free_ns.push(state),
            }
            column
        })
        .collect()
}

fn headings(bars: &[Bar], columns: &[usize]) -> Vec<Column> {
    let mut processes: BTreeMap<usize, Vec<Process>> = BTreeMap::new();
    for (bar, column) in bars.iter().zip(columns) {
        let column = processes.entry(*column).or_default();
        if !column.contains(&bar.process) {
            column.push(bar.process);
        }
    }
    processes
        .into_iter()
        .map(|(column, processes)| {
            let heading = match processes.as_slice() {
                [Process::Nemesis] => "nemesis".to_owned(),
                [process] => format!("process {process}"),
                [first, .., last] => format!("processes {first} … {last}"),
                [] => String::new(),
            };
            Column { left: GUTTER + column * COLUMN, heading }
        })
        .collect()
}

/// For each bar the one that follows it in its column.
fn next_in_column(bars: &[Bar], columns: &[usize]) -> Vec<Option<usize>> {
    let mut latest: BTreeMap<usize, usize> = BTreeMap::new();
    let mut next = vec![None; bars.len()];
    for (index, column) in columns.iter().enumerate() {
        if let Some(before) = latest.insert(*column, index) {
            next[before] = Some(index);
        }
    }
    next
}

/// The scale at which half of the bars have room for their words before the next one begins.
fn pixels_per_ns(bars: &[Bar], columns: &[usize], end_ns: u64) -> f64 {
    let next = next_in_column(bars, columns);
    let gaps = next.iter().zip(bars).filter_map(|(next, bar)| Some(bars[(*next)?].start_ns - bar.start_ns));
    let mut gaps: Vec<u64> = gaps.filter(|gap_ns| *gap_ns > 0).collect();
    gaps.sort_unstable();
    let end_ns = end_ns.max(1) as f64;
    let wanted = gaps.get(gaps.len() / 2).map_or(200.0 / end_ns, |gap_ns| LINE / *gap_ns as f64);
    wanted.clamp(200.0 / end_ns, TALLEST / end_ns)
}

/// Round times, about [`TIME_GAP`] pixels apart.
fn times(end_ns: u64, pixels_per_ns: f64) -> Vec<u64> {
    let step_ns = (super::super::axis::round_up(TIME_GAP / pixels_per_ns) as u64).max(1);
    (0..=end_ns / step_ns).map(|index| index * step_ns).collect()
}

fn time(time_ns: u64) -> String {
    if time_ns < 1_000_000_000 {
        return if time_ns == 0 { "0".to_owned() } else { duration_label(time_ns as f64 / 1e6) };
    }
    let seconds = format!("{:.6}", time_ns as f64 / 1e9);
    format!("{} s", seconds.trim_end_matches('0').trim_end_matches('.'))
}

fn pixels(length: f64) -> String {
    format!("{length:.1}px")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::timeline::End;

    fn bar(process: u64, start_ns: u64, end_ns: u64, kind: OperationKind) -> Bar {
        let end = End { kind, index: 0, time_ns: end_ns, value: "nil".to_owned(), error: None };
        Bar {
            process: Process::Client(process),
            f: "read".to_owned(),
            value: "nil".to_owned(),
            index: 0,
            start_ns,
            end: Some(end),
        }
    }

    #[test]
    fn the_successor_of_a_crashed_process_takes_its_column() {
        let bars = [
            bar(0, 0, 5, OperationKind::Info),
            bar(1, 0, 9, OperationKind::Ok),
            bar(2, 6, 9, OperationKind::Ok),
            bar(1, 10, 11, OperationKind::Ok),
        ];
        assert_eq!(assign(&bars), [0, 1, 0, 1]);
    }

    #[test]
    fn bars_are_in_proportion() {
        let bars = [bar(0, 0, 1_000, OperationKind::Ok), bar(0, 2_000, 4_000, OperationKind::Ok)];
        let layout = Layout::new(&bars, &Faults::default(), 4_000);
        let heights: Vec<f64> =
            layout.bars.iter().map(|placed| placed.height.trim_end_matches("px").parse().unwrap()).collect();
        assert_eq!(heights[1], 2.0 * heights[0]);
    }

    #[test]
    fn a_long_silence_does_not_make_the_page_endless() {
        let bars = [
            bar(0, 0, 1, OperationKind::Ok),
            bar(0, 10, 11, OperationKind::Ok),
            bar(0, 1 << 60, 1 << 60, OperationKind::Ok),
        ];
        let layout = Layout::new(&bars, &Faults::default(), 1 << 60);
        assert!(layout.height.trim_end_matches("px").parse::<f64>().unwrap() < 500_000.0);
    }
}
