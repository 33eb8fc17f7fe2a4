//! Whether two runs of one plan were the same, and if not, where they first differ.

use std::{fmt, io, path::Path};

use glomers_protocol::text::{escape, excerpt};
use glomers_workbench::run::operation_record;
use glomers_world::journal::{Entry, JournalReader, Record};

use crate::run_directory::{files, reading};

/// How much of a message is shown, in characters.
const BODY_CHARS: usize = 200;

/// The first event at which two runs differ.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The event's number in both journals.
    pub(crate) sequence: u64,
    /// What happened in each; none where the run had ended.
    pub(crate) events: [Option<String>; 2],
    /// The node whose doing it is, if it is a node's.
    pub(crate) node: Option<String>,
    /// What the nodes had done until then that virtual time can't answer for.
    pub(crate) notices: Vec<String>,
}

/// Compares the journals in two run directories. None if they are equal.
pub(crate) fn first_difference(one: &Path, other: &Path) -> io::Result<Option<Difference>> {
    let (mut one, mut other) = (records(one)?, records(other)?);
    let mut notices = Vec::new();
    let mut sequence = 0;
    loop {
        let pair = [one.next().transpose()?, other.next().transpose()?];
        match &pair {
            [None, None] => return Ok(None),
            [Some(left), Some(right)] if left == right => {
                sequence = left.sequence + 1;
                if let Entry::Note { text, .. } = &left.entry {
                    notices.push(text.clone());
                }
            }
            [left, right] => {
                let node = [left, right].into_iter().flatten().find_map(|record| node_of(&record.entry));
                let events = [left, right].map(|record| record.as_ref().map(describe));
                return Ok(Some(Difference { sequence, events, node, notices }));
            }
        }
    }
}

fn records(directory: &Path) -> io::Result<impl Iterator<Item = io::Result<Record>>> {
    let file = reading::open_regular(&directory.join(files::JOURNAL))?;
    let reader = JournalReader::new(io::BufReader::new(file));
    Ok(reader.map(|record| record.map_err(io::Error::other)))
}

fn node_of(entry: &Entry) -> Option<String> {
    let host = match entry {
        Entry::Sent { src, .. } => src,
        Entry::ProcessExited { host, .. }
        | Entry::ProtocolViolation { host, .. }
        | Entry::Note { host, .. } => host,
        _ => return None,
    };
    (!host.is_client()).then(|| escape(host.as_str()).to_string())
}

fn describe(record: &Record) -> String {
    let time = format!("{:.6} s", record.time.as_ns() as f64 / 1e9);
    let what = match &record.entry {
        Entry::Sent { src, dest, body, .. } => {
            let body = excerpt(body.as_bytes(), BODY_CHARS);
            format!("{} sent to {}: {body}", escape(src.as_str()), escape(dest.as_str()))
        }
        Entry::Delivered { message } => format!("message {message} was delivered"),
        Entry::Dropped { message, reason } => format!("message {message} was dropped: {reason}"),
        Entry::ProcessExited { host, status } => format!("{} {status}", escape(host.as_str())),
        Entry::ProtocolViolation { text, .. } | Entry::Note { text, .. } => text.clone(),
        Entry::UserRecord(bytes) => match operation_record::decode(record.sequence, bytes) {
            Ok(operation) => excerpt(operation.to_string().as_bytes(), BODY_CHARS),
            Err(error) => error.to_string(),
        },
        other => excerpt(format!("{other:?}").as_bytes(), BODY_CHARS),
    };
    format!("{time}: {what}")
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = &self.events;
        let or_end =
            |event: &Option<String>| event.clone().unwrap_or_else(|| "(the run had ended)".to_owned());
        writeln!(formatter, "The two runs differ from event {} on:", self.sequence)?;
        writeln!(formatter, "  first run   {}", or_end(one))?;
        writeln!(formatter, "  second run  {}", or_end(other))?;
        let who = self.node.as_deref().map_or_else(|| "A node".to_owned(), |node| format!("Node {node}"));
        writeln!(
            formatter,
            "{who} did something else although its input, its clock and its random numbers were the same. Usual causes:"
        )?;
        for notice in &self.notices {
            writeln!(formatter, "  - {notice}")?;
        }
        writeln!(formatter, "  - a file or a cache that the first run left behind")?;
        writeln!(formatter, "  - the time or the owner of a file, /proc, or a service outside of the node")?;
        write!(
            formatter,
            "  - random numbers of the processor itself (RDRAND, as in C++'s std::random_device)"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use glomers_node::{CoreOptions, NodeCore, Random, Router, Time};
    use glomers_world::{ClockKind, HostRole, Journal, World, WorldOptions};

    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Word {
        text: String,
    }
    glomers_node::messages! { "word" Word; }

    /// A run in which n0 sends these texts to itself.
    fn run(texts: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a scratch directory");
        let journal = Journal::to_file(&directory.path().join(files::JOURNAL)).expect("writable");
        let mut world = World::new(WorldOptions::new(ClockKind::Virtual, 1), journal);
        let core =
            NodeCore::started(CoreOptions::new(Random::derive(0, "n0")), "n0".into(), Vec::new(), |_| {
                Router::new(())
            });
        let host = world.add_local("n0".into(), HostRole::Node, core);
        for text in texts {
            let node = world.node(host).expect("it is a core").clone();
            let text = (*text).to_owned();
            world.spawn(host, async move { node.send("n0", &Word { text }) });
            world.turn(Time::from_ns(1_000_000)).expect("writable");
        }
        world.finish().expect("writable");
        assert!(fs::metadata(directory.path().join(files::JOURNAL)).is_ok());
        directory
    }

    #[test]
    fn equal_runs_do_not_differ() {
        let (one, other) = (run(&["a", "b"]), run(&["a", "b"]));
        assert!(first_difference(one.path(), other.path()).expect("readable").is_none());
    }

    #[test]
    fn the_first_event_that_differs_is_named_with_its_node() {
        let (one, other) = (run(&["a", "b", "c"]), run(&["a", "x", "c"]));
        let difference = first_difference(one.path(), other.path()).expect("readable").expect("they differ");
        assert_eq!(difference.node.as_deref(), Some("n0"));
        let text = difference.to_string();
        assert!(text.contains("n0 sent to n0: ") && text.contains("Node n0 did something else"), "{text}");
        let shorter = run(&["a"]);
        let text =
            first_difference(one.path(), shorter.path()).expect("readable").expect("one ends").to_string();
        assert!(text.contains("second run  (the run had ended)"), "{text}");
    }
}
