//! `timeline.html`: who did what when, a column for each process, time in proportion.
//!
//! The page needs no other file and no script. Each bar has the indices of its two entries in the history as anchors,
//! `#i12`, by which findings point at operations.

mod layout;

use std::path::Path;

use askama::Template;
use glomers_check::{Operation, OperationKind, Process, Value};
use glomers_workbench::verdict::perf::Faults;
use layout::Layout;
use rustc_hash::FxHashMap;

use super::{
    ReportError,
    axis::{duration_label, grouped},
    escape::shortened,
    ink::Ink,
    write_file,
};

/// How many operations are drawn; the rest are counted.
pub const MAX_OPERATIONS: usize = 10_000;

/// How many characters of a value or an error are shown.
const MAX_VALUE: usize = 1200;

/// Collects the operations that the page shows: the first [`MAX_OPERATIONS`], in bounded memory.
///
/// ```
/// use glomers::report::timeline::Timeline;
/// use glomers_check::{Operation, OperationKind};
///
/// let mut timeline = Timeline::new();
/// let read = Operation::invoke(0, "read", ()).at(0, 1_000_000);
/// timeline.observe(&read);
/// timeline.observe(&read.completed(OperationKind::Ok, 5).at(1, 3_000_000));
/// assert!(timeline.page("lin-kv, seed 42")?.contains("id=\"i0\""));
/// # Ok::<(), askama::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Timeline {
    bars: Vec<Bar>,
    open: FxHashMap<Process, usize>,
    faults: Faults,
    omitted: u64,
    end_ns: u64,
}

/// An operation that is drawn.
#[derive(Debug)]
struct Bar {
    process: Process,
    f: String,
    value: String,
    index: u64,
    start_ns: u64,
    end: Option<End>,
}

/// How and when an operation ended.
#[derive(Debug)]
struct End {
    kind: OperationKind,
    index: u64,
    time_ns: u64,
    value: String,
    error: Option<String>,
}

impl Timeline {
    /// An empty collector.
    pub fn new() -> Timeline {
        Timeline::default()
    }

    /// Sets how many operations there were in all, if [`observe`](Self::observe) did not see every one.
    pub fn set_total(&mut self, operations: u64) {
        self.omitted = operations.saturating_sub(self.bars.len() as u64);
    }

    /// Adds the next entry of the history. Operations beyond the limit are only counted.
    pub fn observe(&mut self, operation: &Operation) {
        if operation.process == Process::Nemesis {
            self.faults.observe(&operation.f, operation.time_ns);
        }
        // Both entries of the nemesis' operations are `info`: the first begins what the second ends.
        let open = self.open.remove(&operation.process);
        let begins = operation.is_invoke() || (operation.process == Process::Nemesis && open.is_none());
        match open {
            Some(bar) if !begins => self.end(bar, operation),
            _ if begins => self.begin(operation),
            _ => {}
        }
    }

    /// The page. The title says which run it is.
    ///
    /// # Errors
    ///
    /// When the template fails, which can happen only if memory runs out.
    pub fn page(&self, title: &str) -> Result<String, askama::Error> {
        let shown = grouped(self.bars.len() as f64);
        let sentence = match (self.bars.len(), self.omitted) {
            (0, _) => "No operation began, so there is nothing to show.".to_owned(),
            (_, 0) => format!("All {shown} operations."),
            (kept, omitted) => {
                let total = grouped(kept as f64 + omitted as f64);
                format!("The first {shown} of {total} operations; run.journal has them all.")
            }
        };
        Page { title, sentence, layout: Layout::new(&self.bars, &self.faults, self.end_ns), inks: &INKS }
            .render()
    }

    /// Writes the page, usually as `timeline.html`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, title: &str, path: &Path) -> Result<(), ReportError> {
        let page = self.page(title).map_err(|error| ReportError::Write {
            path: path.to_owned(),
            source: std::io::Error::other(error),
        })?;
        write_file(path, page.as_bytes())
    }

    fn begin(&mut self, operation: &Operation) {
        if self.bars.len() == MAX_OPERATIONS {
            self.omitted += 1;
            return;
        }
        self.end_ns = self.end_ns.max(operation.time_ns);
        self.open.insert(operation.process, self.bars.len());
        self.bars.push(Bar {
            process: operation.process,
            f: shortened(&operation.f, 60),
            value: shown(&operation.value),
            index: operation.index,
            start_ns: operation.time_ns,
            end: None,
        });
    }

    fn end(&mut self, bar: usize, operation: &Operation) {
        self.end_ns = self.end_ns.max(operation.time_ns);
        self.bars[bar].end = Some(End {
            kind: operation.kind,
            index: operation.index,
            time_ns: operation.time_ns,
            value: shown(&operation.value),
            error: operation.error.as_ref().map(shown),
        });
    }
}

impl Bar {
    /// The text beside the bar: the function, and the value of its result or, without one, of its invocation.
    fn label(&self) -> String {
        let value = self.end.as_ref().map_or(&self.value, |end| &end.value);
        let value = if value == "nil" { String::new() } else { format!(" {value}") };
        shortened(&format!("{}{value}", self.f), 60)
    }

    /// The class that colours the bar.
    fn class(&self) -> &'static str {
        match &self.end {
            _ if self.process == Process::Nemesis => "fault",
            None => "open",
            Some(end) => Ink::of(end.kind).class(),
        }
    }

    /// How long it took, with a unit.
    fn duration(&self) -> Option<String> {
        let end = self.end.as_ref()?;
        Some(duration_label(end.time_ns.saturating_sub(self.start_ns) as f64 / 1e6))
    }
}

/// A value as EDN, shortened.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let length = text.chars().count();
    if length <= MAX_VALUE {
        return text;
    }
    format!(
        "{} ({} more characters in history.edn)",
        shortened(&text, MAX_VALUE),
        grouped((length - MAX_VALUE) as f64)
    )
}

fn seconds(time_ns: u64) -> String {
    format!("{:.6} s", time_ns as f64 / 1e9)
}

/// The colours of the page's style.
const INKS: [Ink; 8] =
    [Ink::Text, Ink::Muted, Ink::Grid, Ink::Paper, Ink::Ok, Ink::Info, Ink::Fail, Ink::Fault];

#[derive(Template)]
#[template(path = "timeline.html")]
struct Page<'a> {
    title: &'a str,
    sentence: String,
    layout: Layout<'a>,
    inks: &'a [Ink],
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(operations: &[Operation]) -> String {
        let mut timeline = Timeline::new();
        operations.iter().for_each(|operation| timeline.observe(operation));
        timeline.page("test").unwrap()
    }

    #[test]
    fn both_entries_of_an_operation_are_anchors() {
        let read = Operation::invoke(3, "read", ()).at(4, 1_000_000);
        let page = page_of(&[read.clone(), read.completed(OperationKind::Ok, 5).at(9, 2_500_000)]);
        for part in ["id=\"i4\"", "id=\"i9\"", "1.5 ms", "read 5", "bar ok"] {
            assert!(page.contains(part), "the page lacks {part}");
        }
    }

    #[test]
    fn an_operation_that_never_ended_is_shown() {
        assert!(page_of(&[Operation::invoke(0, "write", 1)]).contains("bar open"));
    }

    #[test]
    fn an_empty_history_is_said() {
        assert!(page_of(&[]).contains("No operation began"));
    }

    #[test]
    fn faults_are_bands_and_their_entries_bars() {
        let nemesis = |f: &str, time_ns| Operation {
            process: Process::Nemesis,
            kind: OperationKind::Info,
            ..Operation::invoke(0, f, ()).at(time_ns, time_ns)
        };
        let page = page_of(&[
            nemesis("start-partition", 1),
            nemesis("start-partition", 2),
            nemesis("stop-partition", 8),
            nemesis("stop-partition", 9),
        ]);
        assert_eq!(page.matches("class=\"band\"").count(), 1);
        assert_eq!(page.matches("class=\"bar fault\"").count(), 2);
    }

    #[test]
    fn values_and_errors_are_escaped_and_cut() {
        let write = Operation::invoke(0, "<b>", "<script>\u{202e}");
        let long = write
            .completed(OperationKind::Info, "x".repeat(5_000))
            .with_error("</div><script>alert(1)</script>");
        let page = page_of(&[write, long]);
        assert!(!page.contains("<script") && !page.contains("<b><b>") && !page.contains('\u{202e}'));
        assert!(page.contains("more characters in history.edn") && page.len() < 20_000);
    }

    #[test]
    fn what_exceeds_the_limit_is_counted() {
        let mut timeline = Timeline::new();
        for index in 0..25_000 {
            let echo = Operation::invoke(index % 5, "echo", ()).at(2 * index, index);
            timeline.observe(&echo);
            timeline.observe(&echo.completed(OperationKind::Ok, ()).at(2 * index + 1, index + 1));
        }
        assert!(timeline.page("flood").unwrap().contains("The first 10,000 of 25,000 operations"));
    }
}
