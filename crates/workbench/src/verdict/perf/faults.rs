//! When faults were active, by the nemesis' operations.

/// How many spans are kept; a fault that comes and goes more often shows its first ones.
const MAX_SPANS: usize = 4096;

/// The faults of a run.
///
/// A fault begins with `start-NAME` and ends with `stop-NAME`, as partitions do, or by a pair of verbs: `kill` is
/// ended by `start`, `pause` by `resume`. Each of these is two entries of a history; the fault is taken to last from
/// the first entry that begins it to the last that ends it.
#[derive(Debug, Default)]
pub struct Faults {
    spans: Vec<FaultSpan>,
}

/// A time during which a fault was active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultSpan {
    /// What the fault is called, such as `partition`.
    pub name: String,
    /// When it began.
    pub start_ns: u64,
    /// When it ended; `None` if it never did.
    pub end_ns: Option<u64>,
}

impl Faults {
    /// Is called with the function and the time of each of the nemesis' entries. Those that neither begin nor end a fault are ignored.
    pub fn observe(&mut self, f: &str, time_ns: u64) {
        match edge(f) {
            Some(Edge::Start(name)) => self.begin(name, time_ns),
            Some(Edge::Stop(name)) => self.end(name, time_ns),
            None => {}
        }
    }

    /// Whether the nemesis' function with this name begins a fault.
    pub(crate) fn begins(f: &str) -> bool {
        matches!(edge(f), Some(Edge::Start(_)))
    }

    /// A fault becomes active, unless it already is.
    pub fn begin(&mut self, name: &str, time_ns: u64) {
        if !self.is_open(name) && self.spans.len() < MAX_SPANS {
            self.spans.push(FaultSpan { name: name.to_owned(), start_ns: time_ns, end_ns: None });
        }
    }

    /// A fault is in force no more. Told again, as the entry that orders the end and the one that confirms it do, the later time
    /// counts.
    pub fn end(&mut self, name: &str, time_ns: u64) {
        if let Some(span) = self.spans.iter_mut().rev().find(|span| span.name == name) {
            span.end_ns = Some(time_ns);
        }
    }

    /// All spans in the order in which they began.
    pub fn spans(&self) -> &[FaultSpan] {
        &self.spans
    }

    /// How many faults are active after the last entry.
    pub fn in_force(&self) -> usize {
        self.spans.iter().filter(|span| span.end_ns.is_none()).count()
    }

    /// The names of the faults in the order in which they first began.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for span in &self.spans {
            if !names.contains(&span.name.as_str()) {
                names.push(&span.name);
            }
        }
        names
    }

    fn is_open(&self, name: &str) -> bool {
        self.spans.iter().rev().find(|span| span.name == name).is_some_and(|span| span.end_ns.is_none())
    }
}

/// What an operation of the nemesis does to a fault.
enum Edge<'a> {
    Start(&'a str),
    Stop(&'a str),
}

fn edge(f: &str) -> Option<Edge<'_>> {
    match f {
        "kill" => Some(Edge::Start("kill")),
        "start" => Some(Edge::Stop("kill")),
        "pause" => Some(Edge::Start("pause")),
        "resume" => Some(Edge::Stop("pause")),
        _ => match f.split_once('-')? {
            ("start", name) => Some(Edge::Start(name)),
            ("stop", name) => Some(Edge::Stop(name)),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(events: &[(&str, u64)]) -> Vec<(String, u64, Option<u64>)> {
        let mut faults = Faults::default();
        for (f, time_ns) in events {
            faults.observe(f, *time_ns);
        }
        faults.spans.into_iter().map(|span| (span.name, span.start_ns, span.end_ns)).collect()
    }

    #[test]
    fn a_fault_lasts_from_its_first_entry_to_its_last() {
        let events = [
            ("start-partition", 10),
            ("start-partition", 12),
            ("stop-partition", 20),
            ("stop-partition", 22),
            ("start-partition", 30),
        ];
        assert_eq!(
            spans(&events),
            [("partition".to_owned(), 10, Some(22)), ("partition".to_owned(), 30, None)]
        );
    }

    #[test]
    fn kills_and_pauses_end_by_their_own_verbs() {
        let events = [("kill", 1), ("pause", 2), ("resume", 3), ("start", 4), ("add-node", 5)];
        assert_eq!(spans(&events), [("kill".to_owned(), 1, Some(4)), ("pause".to_owned(), 2, Some(3))]);
    }

    #[test]
    fn an_end_without_a_begin_is_no_fault() {
        assert_eq!(spans(&[("stop-partition", 10)]), []);
    }
}
