//! `messages.svg`: the run's first messages as a Lamport diagram.
//!
//! A column for each host, time flows down, an arrow for each message from where it was sent to where it arrived. The
//! rows are events in the journal's order, so that every arrow slopes downwards; a long pause makes a row taller, by
//! the logarithm of its length, and the times are at the left edge.

mod drawing;
mod journal;
mod label;
mod layout;

use std::{collections::BTreeMap, path::Path};

use glomers_workbench::verdict::perf::Faults;
use rustc_hash::FxHashMap;

use super::{ReportError, escape::shortened, svg::Svg, write_file};

/// How many messages are drawn; the rest are counted.
pub const MAX_MESSAGES: usize = 1500;

/// How many characters of a body the tooltip of its arrow shows.
const MAX_BODY: usize = 2000;

/// How many events of one kind are kept, in case a few messages are delivered over and over.
const MAX_EVENTS: usize = 4 * MAX_MESSAGES;

/// What the diagram shows of the network, in the journal's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A host sent a message.
    Sent {
        /// The message's number, which its end refers to.
        message: u64,
        /// Nanoseconds since the run began.
        time_ns: u64,
        /// Who sent it.
        src: &'a str,
        /// To whom.
        dest: &'a str,
        /// The body, as JSON. It is untrusted.
        body: &'a str,
    },
    /// It arrived; a duplicated message arrives more than once.
    Delivered {
        /// Which message.
        message: u64,
        /// Nanoseconds since the run began.
        time_ns: u64,
    },
    /// It will never arrive.
    Dropped {
        /// Which message.
        message: u64,
        /// Nanoseconds since the run began.
        time_ns: u64,
        /// Why, in a word or two: `partition`.
        reason: &'a str,
    },
    /// A fault begins.
    FaultBegan {
        /// Nanoseconds since the run began.
        time_ns: u64,
        /// What it is called; the same name ends it.
        name: &'a str,
    },
    /// It ends.
    FaultEnded {
        /// Nanoseconds since the run began.
        time_ns: u64,
        /// What it is called.
        name: &'a str,
    },
}

/// Collects the messages that the diagram shows: the first [`MAX_MESSAGES`], in bounded memory.
///
/// ```
/// use glomers::report::messages::{Event, Messages};
/// let mut messages = Messages::new();
/// messages.observe(&Event::Sent { message: 0, time_ns: 0, src: "c1", dest: "n0", body: r#"{"type":"echo","msg_id":1}"# });
/// messages.observe(&Event::Delivered { message: 0, time_ns: 1_000_000 });
/// assert!(messages.draw("echo").finish().contains(">echo</text>"));
/// ```
#[derive(Debug, Default)]
pub struct Messages {
    messages: Vec<Message>,
    /// The place of each message that is drawn.
    places: FxHashMap<u64, usize>,
    marks: Vec<Mark>,
    faults: Faults,
    /// The names of the network's active rules.
    rules: BTreeMap<u64, String>,
    omitted: u64,
}

/// A message that is drawn.
#[derive(Debug)]
struct Message {
    src: String,
    dest: String,
    label: String,
    body: String,
}

/// One event of a message: the diagram has a row for each.
#[derive(Debug)]
struct Mark {
    time_ns: u64,
    message: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    Sent,
    Delivered,
    Dropped { reason: String },
}

impl Messages {
    /// An empty collector.
    pub fn new() -> Messages {
        Messages::default()
    }

    /// Sets how many messages there were in all, if [`observe`](Self::observe) did not see every one.
    pub fn set_total(&mut self, messages: u64) {
        self.omitted = messages.saturating_sub(self.messages.len() as u64);
    }

    /// Adds the next event. Messages beyond the limit are only counted.
    pub fn observe(&mut self, event: &Event<'_>) {
        match *event {
            Event::Sent { message, time_ns, src, dest, body } => {
                if self.messages.len() == MAX_MESSAGES {
                    self.omitted += 1;
                    return;
                }
                self.places.insert(message, self.messages.len());
                self.mark(message, time_ns, What::Sent);
                self.messages.push(Message {
                    src: shortened(src, 40),
                    dest: shortened(dest, 40),
                    label: label::label(body),
                    body: shortened(body, MAX_BODY),
                });
            }
            Event::Delivered { message, time_ns } => self.mark(message, time_ns, What::Delivered),
            Event::Dropped { message, time_ns, reason } => {
                self.mark(message, time_ns, What::Dropped { reason: shortened(reason, 40) });
            }
            Event::FaultBegan { time_ns, name } => self.faults.begin(name, time_ns),
            Event::FaultEnded { time_ns, name } => self.faults.end(name, time_ns),
        }
    }

    /// Draws what was collected. The title says which run it is.
    pub fn draw(&self, title: &str) -> Svg {
        drawing::draw(self, title)
    }

    /// Draws into a file, usually `messages.svg`.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, title: &str, path: &Path) -> Result<(), ReportError> {
        write_file(path, self.draw(title).finish().as_bytes())
    }

    fn mark(&mut self, message: u64, time_ns: u64, what: What) {
        if let Some(&message) = self.places.get(&message)
            && self.marks.len() < MAX_EVENTS
        {
            self.marks.push(Mark { time_ns, message, what });
        }
    }
}

#[cfg(test)]
mod tests;
