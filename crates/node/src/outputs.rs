//! What a step of the core sends.

use glomers_protocol::NodeId;

/// The messages that a step sends, in order, in one arena that is used again for the next.
#[derive(Debug, Default)]
pub struct Outputs {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

/// One message that a step sends; its sender is the core's node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output<'a> {
    /// The receiver.
    pub dest: &'a NodeId,
    /// The body's JSON text, on one line.
    pub body: &'a str,
}

#[derive(Debug)]
struct Entry {
    dest: NodeId,
    /// Where the body ends in the arena; it begins where the one before it ends.
    end: usize,
}

impl Outputs {
    /// No messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages in the order they were sent.
    pub fn iter(&self) -> impl Iterator<Item = Output<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let body =
                std::str::from_utf8(&self.text[start..entry.end]).expect("bodies are written as UTF-8");
            start = entry.end;
            Output { dest: &entry.dest, body }
        })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets the messages and keeps the memory, unless a burst has left it very large.
    pub fn clear(&mut self) {
        const KEPT_BYTES: usize = 1 << 20;
        self.entries.clear();
        self.text.clear();
        if self.text.capacity() > KEPT_BYTES {
            self.text = Vec::new();
        }
    }

    /// Adds a message whose body `write` appends to the arena. A `write` that fails must leave the arena as
    /// it was.
    pub(crate) fn push<E>(
        &mut self,
        dest: NodeId,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.drop_unfinished();
        write(&mut self.text)?;
        self.entries.push(Entry { dest, end: self.text.len() });
        Ok(())
    }

    /// A payload that failed or panicked while it was written may have left a part of itself behind.
    fn drop_unfinished(&mut self) {
        self.text.truncate(self.entries.last().map_or(0, |entry| entry.end));
    }

    /// Moves the messages of `other` behind these.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.drop_unfinished();
        let offset = self.text.len();
        self.text.append(&mut other.text);
        self.entries.extend(other.entries.drain(..).map(|entry| Entry { end: offset + entry.end, ..entry }));
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::Outputs;

    fn push(outputs: &mut Outputs, dest: &str, body: &str) {
        let Ok(()) = outputs.push(dest.into(), |text| {
            text.extend_from_slice(body.as_bytes());
            Ok::<(), Infallible>(())
        });
    }

    fn sent(outputs: &Outputs) -> Vec<String> {
        outputs.iter().map(|output| format!("{}: {}", output.dest, output.body)).collect()
    }

    #[test]
    fn what_was_sent_before_comes_first() {
        let (mut first, mut second) = (Outputs::new(), Outputs::new());
        push(&mut first, "n1", "a");
        push(&mut second, "n2", "bc");
        push(&mut second, "n3", "");
        first.append(&mut second);
        push(&mut first, "n4", "d");
        assert_eq!(sent(&first), ["n1: a", "n2: bc", "n3: ", "n4: d"]);
        assert!(second.is_empty());
    }

    #[test]
    fn a_body_that_was_not_finished_leaves_no_trace() {
        let mut outputs = Outputs::new();
        push(&mut outputs, "n1", "a");
        let failed = outputs.push("n2".into(), |text| {
            text.push(b'x');
            Err("no")
        });
        assert_eq!(failed, Err("no"));
        let panicking = AssertUnwindSafe(|| {
            outputs.push("n3".into(), |text| -> Result<(), Infallible> {
                text.push(b'y');
                panic!("half way")
            })
        });
        assert!(catch_unwind(panicking).is_err());
        push(&mut outputs, "n4", "b");
        assert_eq!(sent(&outputs), ["n1: a", "n4: b"]);
    }
}
