//! The messages and operations of a journal as columns, in bounded memory.

use std::{borrow::Cow, io::Read};

use glomers_check::{Operation, OperationKind, Process};
use glomers_workbench::run::operation_record;
use glomers_world::{
    HostRole,
    journal::{Entry, JournalReader, Record},
};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::report::escape::shortened;

/// How many messages a page gets. The rest are counted.
pub(super) const MAX_MESSAGES: usize = 2_000_000;
/// How many operations a page gets. The rest are counted.
const MAX_OPERATIONS: usize = 500_000;
/// How many other events a page gets. The rest are counted.
const MAX_EVENTS: usize = 20_000;
/// How many different names of one kind are told apart: nodes choose the types and receivers of their messages. Any others share the last.
const MAX_NAMES: usize = 4096;
/// How many characters of a name or a sentence are sent.
const MAX_NAME: usize = 80;
const MAX_SENTENCE: usize = 300;

/// The fate of a message that has not ended.
const IN_FLIGHT: u8 = 0;
/// The fate of one that arrived. Higher numbers are reasons for a drop, from [`Head::reasons`].
const DELIVERED: u8 = 1;
const FIRST_REASON: u8 = 2;
/// An order that has not come.
const NEVER: u32 = u32::MAX;

/// A journal's content for the page.
#[derive(Debug, Default)]
pub(super) struct Columns {
    messages: Vec<Message>,
    operations: Vec<Bar>,
    /// The row of each message's latest copy.
    rows: FxHashMap<u64, usize>,
    open: FxHashMap<Process, usize>,
    hosts: Names,
    kinds: Names,
    functions: Names,
    reasons: Names,
    roles: FxHashMap<u16, &'static str>,
    events: Vec<Event>,
    omitted: Omitted,
    end_ns: u64,
    trouble: Option<String>,
}

/// One copy of a message: a duplicated message has several rows with the same number.
#[derive(Clone, Copy, Debug)]
struct Message {
    number: u64,
    sent_ns: u64,
    end_ns: u64,
    sent_order: u32,
    end_order: u32,
    kind: u16,
    src: u16,
    dest: u16,
    fate: u8,
}

/// An operation from its invocation to its completion.
#[derive(Debug)]
struct Bar {
    start_ns: u64,
    end_ns: u64,
    index: u32,
    end_index: u32,
    process: i32,
    function: u16,
    outcome: u8,
}

/// What happened to a host or to the network.
#[derive(Debug, Serialize)]
struct Event {
    time_ns: u64,
    order: u32,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// What is not in the columns, because they are bounded.
#[derive(Debug, Default, Serialize)]
struct Omitted {
    messages: u64,
    operations: u64,
    events: u64,
}

/// What the page reads before the columns.
#[derive(Serialize)]
struct Head<'a> {
    version: u32,
    end_ns: u64,
    hosts: Vec<Host<'a>>,
    kinds: &'a [String],
    functions: &'a [String],
    reasons: &'a [String],
    messages: usize,
    operations: usize,
    events: &'a [Event],
    omitted: &'a Omitted,
    trouble: Option<&'a str>,
}

#[derive(Serialize)]
struct Host<'a> {
    name: &'a str,
    role: &'static str,
}

/// Names, each with a number.
#[derive(Debug, Default)]
struct Names {
    names: Vec<String>,
    numbers: FxHashMap<String, u16>,
}

impl Names {
    fn number(&mut self, name: &str, limit: usize) -> u16 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        if self.names.len() + 1 >= limit {
            if self.names.len() < limit {
                self.names.push("(others)".to_owned());
            }
            return to_u16(limit - 1);
        }
        let number = to_u16(self.names.len());
        self.names.push(shortened(name, MAX_NAME));
        self.numbers.insert(name.to_owned(), number);
        number
    }
}

/// The type of a body.
#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
}

impl Columns {
    /// Reads a journal. One that ends early or is damaged is read up to there, and the page says so.
    pub(super) fn read(journal: JournalReader<impl Read>) -> Self {
        let mut columns = Self::default();
        for record in journal {
            match record {
                Ok(record) => columns.observe(&record),
                Err(error) => columns.trouble = Some(error.to_string()),
            }
        }
        // A copy is found when it arrives; among the rows it stands where it was sent.
        columns.messages.sort_by_key(|message| message.sent_order);
        columns
    }

    fn observe(&mut self, record: &Record) {
        let (time_ns, order) = (record.time.as_ns(), to_u32(record.sequence));
        self.end_ns = self.end_ns.max(time_ns);
        let host_event = |what, text: Option<&str>| (what, text.map(|text| shortened(text, MAX_SENTENCE)));
        let (host, (what, text)) = match &record.entry {
            Entry::Sent { message, src, dest, body, .. } => {
                return self.sent(*message, [src.as_str(), dest.as_str()], body, time_ns, order);
            }
            Entry::Delivered { message } => return self.ended(*message, DELIVERED, time_ns, order),
            Entry::Dropped { message, reason } => {
                let number = self.reasons.number(&reason.to_string(), usize::from(u8::MAX - FIRST_REASON));
                let fate = FIRST_REASON + u8::try_from(number).unwrap_or(u8::MAX - FIRST_REASON);
                return self.ended(*message, fate, time_ns, order);
            }
            Entry::UserRecord(bytes) => {
                match operation_record::decode(record.sequence, bytes) {
                    Ok(operation) => self.operation(&operation),
                    Err(error) => self.trouble = Some(error.to_string()),
                }
                return;
            }
            Entry::RuleInstalled { rule, description } => {
                let text = Some(shortened(description, MAX_SENTENCE));
                return self.event(Event {
                    time_ns,
                    order,
                    what: "rule",
                    host: None,
                    rule: Some(*rule),
                    text,
                });
            }
            Entry::RuleRemoved { rule } => {
                let what = "rule-removed";
                return self.event(Event { time_ns, order, what, host: None, rule: Some(*rule), text: None });
            }
            Entry::HostAdded { host, role } => {
                let number = self.hosts.number(host.as_str(), MAX_NAMES);
                self.roles.insert(number, role_name(*role));
                // Every operation may have a client of its own: these are no events that a person looks for.
                if *role == HostRole::Client {
                    return;
                }
                (host, host_event("added", None))
            }
            Entry::HostRemoved { .. } => return,
            Entry::HostKilled { host } => (host, host_event("killed", None)),
            Entry::HostPaused { host } => (host, host_event("paused", None)),
            Entry::HostResumed { host } => (host, host_event("resumed", None)),
            Entry::ProcessExited { host, status } => (host, host_event("exited", Some(status))),
            Entry::ProtocolViolation { host, text } => (host, host_event("violation", Some(text))),
            Entry::Note { host, text } => (host, host_event("note", Some(text))),
        };
        let host = Some(self.hosts.number(host.as_str(), MAX_NAMES));
        self.event(Event { time_ns, order, what, host, rule: None, text });
    }

    fn event(&mut self, event: Event) {
        if self.events.len() < MAX_EVENTS {
            self.events.push(event);
        } else {
            self.omitted.events += 1;
        }
    }

    fn sent(&mut self, number: u64, [src, dest]: [&str; 2], body: &str, time_ns: u64, order: u32) {
        if self.messages.len() >= MAX_MESSAGES {
            self.omitted.messages += 1;
            return;
        }
        let kind = serde_json::from_str::<Typed<'_>>(body);
        let kind = kind.as_ref().map_or("(no type)", |typed| &typed.kind);
        let kind = self.kinds.number(kind, MAX_NAMES);
        let [src, dest] = [src, dest].map(|host| self.hosts.number(host, MAX_NAMES));
        self.rows.insert(number, self.messages.len());
        self.messages.push(Message {
            number,
            sent_ns: time_ns,
            end_ns: 0,
            sent_order: order,
            end_order: NEVER,
            kind,
            src,
            dest,
            fate: IN_FLIGHT,
        });
    }

    fn ended(&mut self, number: u64, fate: u8, time_ns: u64, order: u32) {
        let Some(&row) = self.rows.get(&number) else { return };
        let message = self.messages[row];
        // A drop after the delivery takes the delivery back; another delivery is that of a copy.
        let is_copy = message.fate != IN_FLIGHT && !(message.fate == DELIVERED && fate != DELIVERED);
        let ended = Message { fate, end_ns: time_ns, end_order: order, ..message };
        if !is_copy {
            self.messages[row] = ended;
        } else if self.messages.len() < MAX_MESSAGES {
            self.rows.insert(number, self.messages.len());
            self.messages.push(ended);
        } else {
            self.omitted.messages += 1;
        }
    }

    fn operation(&mut self, operation: &Operation) {
        let open = self.open.remove(&operation.process);
        let is_start = operation.is_invoke() || (operation.process == Process::Nemesis && open.is_none());
        match open {
            Some(row) if !is_start => {
                let bar = &mut self.operations[row];
                bar.end_ns = operation.time_ns;
                bar.end_index = to_u32(operation.index);
                bar.outcome = match operation.kind {
                    OperationKind::Invoke => 0,
                    OperationKind::Ok => 1,
                    OperationKind::Fail => 2,
                    OperationKind::Info => 3,
                };
            }
            _ if is_start && self.operations.len() >= MAX_OPERATIONS => self.omitted.operations += 1,
            _ if is_start => {
                self.open.insert(operation.process, self.operations.len());
                let process = match operation.process {
                    Process::Client(number) => i32::try_from(number).unwrap_or(i32::MAX),
                    Process::Nemesis => -1,
                };
                self.operations.push(Bar {
                    start_ns: operation.time_ns,
                    end_ns: 0,
                    index: to_u32(operation.index),
                    end_index: NEVER,
                    process,
                    function: self.functions.number(&operation.f, MAX_NAMES),
                    outcome: 0,
                });
            }
            _ => {}
        }
    }

    /// The bytes that ARCHITECTURE.md describes: the head as JSON, then the columns, wide ones first.
    pub(super) fn encode(&self) -> Vec<u8> {
        let role = |number| self.roles.get(&to_u16(number)).copied().unwrap_or("unknown");
        let hosts = self.hosts.names.iter().enumerate();
        let head = Head {
            version: 1,
            end_ns: self.end_ns,
            hosts: hosts.map(|(number, name)| Host { name, role: role(number) }).collect(),
            kinds: &self.kinds.names,
            functions: &self.functions.names,
            reasons: &self.reasons.names,
            messages: self.messages.len(),
            operations: self.operations.len(),
            events: &self.events,
            omitted: &self.omitted,
            trouble: self.trouble.as_deref(),
        };
        let mut head = serde_json::to_vec(&head).expect("the head has no part that JSON can't write");
        // Columns of eight bytes must begin at a multiple of eight.
        head.resize(head.len().next_multiple_of(8), b' ');
        let mut out =
            Vec::with_capacity(8 + head.len() + 39 * self.messages.len() + 32 * self.operations.len());
        out.extend_from_slice(b"GLMP");
        out.extend_from_slice(&to_u32(head.len() as u64).to_le_bytes());
        out.extend_from_slice(&head);
        let (messages, bars) = (&self.messages, &self.operations);
        let time =
            |time_ns: u64, has_come: bool| (if has_come { time_ns as f64 } else { f64::NAN }).to_le_bytes();
        write(&mut out, messages, |row| time(row.sent_ns, true));
        write(&mut out, messages, |row| time(row.end_ns, row.fate != IN_FLIGHT));
        write(&mut out, messages, |row| (row.number as f64).to_le_bytes());
        write(&mut out, bars, |bar| time(bar.start_ns, true));
        write(&mut out, bars, |bar| time(bar.end_ns, bar.end_index != NEVER));
        write(&mut out, messages, |row| row.sent_order.to_le_bytes());
        write(&mut out, messages, |row| row.end_order.to_le_bytes());
        write(&mut out, bars, |bar| bar.index.to_le_bytes());
        write(&mut out, bars, |bar| bar.end_index.to_le_bytes());
        write(&mut out, bars, |bar| bar.process.to_le_bytes());
        write(&mut out, messages, |row| row.kind.to_le_bytes());
        write(&mut out, messages, |row| row.src.to_le_bytes());
        write(&mut out, messages, |row| row.dest.to_le_bytes());
        write(&mut out, bars, |bar| bar.function.to_le_bytes());
        write(&mut out, messages, |row| [row.fate]);
        write(&mut out, bars, |bar| [bar.outcome]);
        out
    }
}

fn write<T, const N: usize>(out: &mut Vec<u8>, rows: &[T], bytes: impl Fn(&T) -> [u8; N]) {
    for row in rows {
        out.extend_from_slice(&bytes(row));
    }
}

fn role_name(role: HostRole) -> &'static str {
    match role {
        HostRole::Node => "node",
        HostRole::Client => "client",
        HostRole::Service => "service",
    }
}

fn to_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(NEVER)
}

fn to_u16(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
