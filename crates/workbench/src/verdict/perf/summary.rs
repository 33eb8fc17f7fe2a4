//! The figures of a whole run.

use glomers_check::Name;
use hdrhistogram::Histogram;

use super::Function;

/// The latencies for the terminal and the run's page.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How many operations completed, successfully or not.
    pub completed: u64,
    /// The successful operations of all functions together.
    pub ok: Latencies,
    /// The same for each function, in the order of their first appearance.
    pub functions: Vec<FunctionSummary>,
}

/// The figures of one function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionSummary {
    /// Its name.
    pub name: Name,
    /// The successful operations.
    pub ok: Latencies,
    /// Those whose outcome is unknown; their latency is mostly the client's time-out.
    pub info: Latencies,
    /// The failed ones.
    pub fail: Latencies,
}

/// How long some operations took, from invocation to completion. Without operations every latency is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latencies {
    /// How many operations there are.
    pub count: u64,
    /// The median, in milliseconds, to three significant figures like the others.
    pub p50_ms: f64,
    /// The 0.95 quantile, in milliseconds.
    pub p95_ms: f64,
    /// The 0.99 quantile, in milliseconds.
    pub p99_ms: f64,
    /// The longest, in milliseconds, exactly.
    pub max_ms: f64,
}

/// Latencies of any number of operations, to three significant figures, in a few kilobytes.
#[derive(Debug, Default)]
pub struct LatencyTotals {
    completed: u64,
    max_ns: u64,
    histogram: Option<Histogram<u64>>,
}

impl LatencyTotals {
    /// Counts a completion.
    pub(super) fn completed(&mut self) {
        self.completed += 1;
    }

    /// Adds the latency of the completion just counted.
    pub(super) fn add(&mut self, latency_ns: u64) {
        self.max_ns = self.max_ns.max(latency_ns);
        let histogram = self.histogram.get_or_insert_with(empty_histogram);
        histogram.record(latency_ns).expect("a histogram that grows has room for any latency");
    }

    /// How many operations completed.
    pub fn count(&self) -> u64 {
        self.completed
    }
}

impl Summary {
    pub(super) fn of(functions: &[Function]) -> Summary {
        let all_ok: Vec<&LatencyTotals> =
            functions.iter().map(|function| &function.outcomes.ok.total).collect();
        let functions: Vec<FunctionSummary> = functions
            .iter()
            .map(|function| FunctionSummary {
                name: function.name.clone(),
                ok: latencies(&[&function.outcomes.ok.total]),
                info: latencies(&[&function.outcomes.info.total]),
                fail: latencies(&[&function.outcomes.fail.total]),
            })
            .collect();
        let completed = functions
            .iter()
            .map(|function| function.ok.count + function.info.count + function.fail.count)
            .sum();
        Summary { completed, ok: latencies(&all_ok), functions }
    }
}

fn empty_histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three significant figures are within what a histogram can do")
}

/// The figures of several totals together.
fn latencies(totals: &[&LatencyTotals]) -> Latencies {
    let mut together = empty_histogram();
    for histogram in totals.iter().filter_map(|total| total.histogram.as_ref()) {
        together.add(histogram).expect("a histogram that grows takes in any other");
    }
    let quantile_ms = |quantile| {
        // Of a bucket the histogram names the upper end, which may lie beyond the longest latency.
        let max_ns = totals.iter().map(|total| total.max_ns).max().unwrap_or(0);
        together.value_at_quantile(quantile).min(max_ns) as f64 / 1e6
    };
    Latencies {
        count: totals.iter().map(|total| total.completed).sum(),
        p50_ms: quantile_ms(0.5),
        p95_ms: quantile_ms(0.95),
        p99_ms: quantile_ms(0.99),
        max_ms: quantile_ms(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_latencies_are_zero() {
        assert_eq!(latencies(&[&LatencyTotals::default()]), Latencies::default());
    }

    #[test]
    fn functions_are_summed_as_if_they_were_one() {
        let (mut fast, mut slow) = (LatencyTotals::default(), LatencyTotals::default());
        for index in 1..=100 {
            let totals = if index <= 50 { &mut fast } else { &mut slow };
            totals.completed();
            totals.add(index * 1_000_000);
        }
        let together = latencies(&[&fast, &slow]);
        assert_eq!((together.count, together.max_ms), (100, 100.0));
        assert!((together.p50_ms - 50.0).abs() < 0.1 && (together.p99_ms - 99.0).abs() < 0.1);
    }

    #[test]
    fn an_operation_that_outlasts_an_hour_is_counted() {
        let mut totals = LatencyTotals::default();
        totals.completed();
        totals.add(86_400_000_000_000);
        assert_eq!(latencies(&[&totals]).max_ms, 86_400_000.0);
    }
}
