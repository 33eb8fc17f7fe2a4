//! Latencies, rates and faults of a run, collected as operations happen.
//!
//! However long the run, the memory is bounded: time is cut into at most [`MAX_WINDOWS`] windows, which double or
//! quintuple in width when they no longer reach; a window keeps counts, not operations. What is kept is as fine as
//! a plot can show, so the plots of a million operations are those of the operations themselves.

mod faults;
mod grid;
mod summary;

pub use faults::{FaultSpan, Faults};
use glomers_check::{Name, Operation, OperationKind, Process};
pub use grid::{Cell, LatencyGrid, quantiles_ms};
use rustc_hash::FxHashMap;
pub use summary::{FunctionSummary, Latencies, Summary};

/// How many windows a run is cut into at most.
pub const MAX_WINDOWS: usize = 1000;

/// How many functions are counted separately; operations of any further function are counted as `other`.
pub const MAX_FUNCTIONS: usize = 8;

/// The width of a window when a run begins: one millisecond.
const FIRST_WINDOW_NS: u64 = 1_000_000;

/// Collects what the plots and the terminal's summary show.
///
/// ```
/// use glomers_workbench::verdict::perf::Perf;
/// use glomers_check::{Operation, OperationKind};
///
/// let mut perf = Perf::new();
/// let read = Operation::invoke(0, "read", ()).at(0, 1_000_000);
/// perf.observe(&read);
/// perf.observe(&read.completed(OperationKind::Ok, 5).at(1, 3_000_000));
/// let summary = perf.summary();
/// assert_eq!((summary.ok.count, summary.ok.max_ms), (1, 2.0));
/// ```
#[derive(Debug)]
pub struct Perf {
    window_ns: u64,
    /// Time stamp of the latest entry.
    end_ns: u64,
    functions: Vec<Function>,
    open: FxHashMap<Process, (usize, u64)>,
    faults: Faults,
}

/// What is known of one function, such as `read`.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// Its completed operations by outcome.
    pub outcomes: ByOutcome<Outcome>,
}

/// What is known of the operations of one function that ended in one way.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many completed in each window of time.
    pub completions: Vec<u32>,
    /// Their latencies, each in the window of its invocation.
    pub latencies: LatencyGrid,
    /// Their latencies over the whole run.
    pub total: summary::LatencyTotals,
}

/// One value for each way in which an operation ends.
#[derive(Debug, Default)]
pub struct ByOutcome<T> {
    /// It happened.
    pub ok: T,
    /// Its outcome is unknown.
    pub info: T,
    /// It did not happen.
    pub fail: T,
}

impl<T> ByOutcome<T> {
    /// Each value with its outcome, in the order in which they are always drawn: the most frequent at the bottom.
    pub fn iter(&self) -> impl Iterator<Item = (OperationKind, &T)> {
        [(OperationKind::Ok, &self.ok), (OperationKind::Info, &self.info), (OperationKind::Fail, &self.fail)]
            .into_iter()
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        [&mut self.ok, &mut self.info, &mut self.fail].into_iter()
    }

    fn get_mut(&mut self, kind: OperationKind) -> Option<&mut T> {
        match kind {
            OperationKind::Invoke => None,
            OperationKind::Ok => Some(&mut self.ok),
            OperationKind::Info => Some(&mut self.info),
            OperationKind::Fail => Some(&mut self.fail),
        }
    }
}

impl Default for Perf {
    fn default() -> Self {
        Self::new()
    }
}

impl Perf {
    /// An empty collector.
    pub fn new() -> Perf {
        Perf {
            window_ns: FIRST_WINDOW_NS,
            end_ns: 0,
            functions: Vec::new(),
            open: FxHashMap::default(),
            faults: Faults::default(),
        }
    }

    /// Adds the next entry of the history. Costs a hash look-up and a few counters.
    ///
    /// A completion without an invocation counts towards the rate and has no latency.
    pub fn observe(&mut self, operation: &Operation) {
        self.end_ns = self.end_ns.max(operation.time_ns);
        while self.end_ns / self.window_ns >= MAX_WINDOWS as u64 {
            self.widen();
        }
        if operation.process == Process::Nemesis {
            self.faults.observe(&operation.f, operation.time_ns);
        } else if operation.is_invoke() {
            let function = self.function(&operation.f);
            self.open.insert(operation.process, (function, operation.time_ns));
        } else {
            self.complete(operation);
        }
    }

    /// The figures of the whole run, function by function.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.functions)
    }

    /// The functions in the order in which they first appeared.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// When faults were active.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The width of a window now: 1 ms, 2 ms, 10 ms, 20 ms and so on.
    pub fn window_ns(&self) -> u64 {
        self.window_ns
    }

    /// The time of the latest entry.
    pub fn end_ns(&self) -> u64 {
        self.end_ns
    }

    fn complete(&mut self, operation: &Operation) {
        let invoked = self.open.remove(&operation.process);
        let index = invoked.map_or_else(|| self.function(&operation.f), |(function, _)| function);
        let Some(outcome) = self.functions[index].outcomes.get_mut(operation.kind) else { return };
        let window = (operation.time_ns / self.window_ns) as usize;
        if outcome.completions.len() <= window {
            outcome.completions.resize(window + 1, 0);
        }
        outcome.completions[window] = outcome.completions[window].saturating_add(1);
        outcome.total.completed();
        if let Some((_, invoked_ns)) = invoked {
            let latency_ns = operation.time_ns.saturating_sub(invoked_ns);
            outcome.latencies.add(self.window_ns, invoked_ns, latency_ns);
            outcome.total.add(latency_ns);
        }
    }

    /// The index of a function, made on its first appearance; the last place is for all that come too late.
    fn function(&mut self, name: &Name) -> usize {
        if let Some(index) = self.functions.iter().position(|function| function.name == *name) {
            return index;
        }
        if self.functions.len() == MAX_FUNCTIONS {
            return MAX_FUNCTIONS - 1;
        }
        let is_last = self.functions.len() == MAX_FUNCTIONS - 1;
        let name = if is_last { Name::from_static("other") } else { name.clone() };
        self.functions.push(Function { name, outcomes: ByOutcome::default() });
        self.functions.len() - 1
    }

    /// Makes windows wider, so that round widths follow each other: 1, 2, 10, 20, 100 milliseconds.
    fn widen(&mut self) {
        let factor = if self.window_ns.to_string().starts_with('1') { 2 } else { 5 };
        self.window_ns *= factor as u64;
        for outcome in self.functions.iter_mut().flat_map(|function| function.outcomes.iter_mut()) {
            let completions = &mut outcome.completions;
            *completions = completions.chunks(factor).map(|chunk| chunk.iter().sum()).collect();
            outcome.latencies.widen(factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(perf: &mut Perf, count: u64, every_ns: u64) {
        for index in 0..count {
            let invoke = Operation::invoke(index % 5, "read", ()).at(2 * index, index * every_ns);
            perf.observe(&invoke);
            perf.observe(
                &invoke.completed(OperationKind::Ok, 1).at(2 * index + 1, index * every_ns + 1_500_000),
            );
        }
    }

    #[test]
    fn a_long_run_is_counted_whole_in_bounded_memory() {
        let mut perf = Perf::new();
        run(&mut perf, 50_000, 100_000_000);
        let read = &perf.functions()[0].outcomes.ok;
        assert!(read.completions.len() <= MAX_WINDOWS);
        assert_eq!(read.completions.iter().sum::<u32>(), 50_000);
        assert_eq!(read.latencies.count(), 50_000);
        assert_eq!(perf.window_ns(), 10_000_000_000);
    }

    #[test]
    fn windows_are_the_same_however_the_run_grew() {
        let (mut short, mut long) = (Perf::new(), Perf::new());
        run(&mut short, 10, 10_000_000);
        run(&mut long, 10, 10_000_000);
        long.observe(&Operation::invoke(9, "read", ()).at(99, 1_900_000_000));
        assert_eq!((short.window_ns(), long.window_ns()), (1_000_000, 2_000_000));
        let windows = |perf: &Perf| {
            perf.functions()[0].outcomes.ok.latencies.columns().map(<[Cell]>::len).sum::<usize>()
        };
        assert_eq!(windows(&short), windows(&long));
    }

    #[test]
    fn functions_beyond_the_limit_are_counted_together() {
        let mut perf = Perf::new();
        for number in 0..20 {
            perf.observe(&Operation::invoke(number, format!("f{number}"), ()));
            perf.observe(
                &Operation::invoke(number, format!("f{number}"), ()).completed(OperationKind::Fail, ()),
            );
        }
        assert_eq!(perf.functions().len(), MAX_FUNCTIONS);
        assert_eq!(perf.functions()[MAX_FUNCTIONS - 1].name, "other");
        assert_eq!(perf.summary().completed, 20);
    }

    #[test]
    fn outcomes_are_kept_apart() {
        let mut perf = Perf::new();
        let write = Operation::invoke(0, "write", 1);
        perf.observe(&write);
        perf.observe(&write.completed(OperationKind::Info, 1).at(1, 5_000_000_000));
        let summary = perf.summary();
        assert_eq!((summary.ok.count, summary.functions[0].info.count), (0, 1));
        assert_eq!(summary.functions[0].info.max_ms, 5000.0);
    }
}
