//! The way of an operation.

use glomers_check::{Operation, OperationKind, Process};
use glomers_node::Time;
use glomers_protocol::{Header, NodeId, RawValue, text::excerpt};
use glomers_world::journal::{Entry, Record};

use super::{
    Origin, Step, Trail,
    value::{name, seconds},
};
use crate::{run::operation_record, text::QUOTE_CHARS};

#[derive(Default)]
struct Tale {
    origin: Origin,
    operation: Option<Operation>,
    /// The number of the entry with which it began.
    begun_at: u64,
    completion: Option<(Time, Operation)>,
    /// The client, the node, the request's number and its id.
    request: Option<(NodeId, NodeId, u64, Option<String>)>,
    request_delivered: Option<Time>,
    request_dropped: bool,
    reply: Option<(u64, Time)>,
    steps: Vec<Step>,
}

pub(super) fn trail(records: impl IntoIterator<Item = Record>, index: u64) -> Option<Trail> {
    let mut tale = Tale::default();
    for record in records {
        tale.observe(&record, index);
    }
    let operation = tale.operation.as_ref()?;
    let subject = format!(
        "operation {index} ({} {})",
        operation.f,
        excerpt(operation.value.to_string().as_bytes(), 80)
    );
    let conclusions = tale.conclusions();
    Some(Trail { subject, steps: tale.steps, conclusions })
}

impl Tale {
    fn observe(&mut self, record: &Record, index: u64) {
        let time = self.origin.time_of(record);
        match &record.entry {
            Entry::UserRecord(bytes) => {
                let Ok(operation) = operation_record::decode(record.sequence, bytes) else { return };
                self.observe_operation(time, record.sequence, operation, index);
            }
            // A client sends the request as it invokes the operation: it is the very next entry.
            Entry::Sent { message, src, dest, body, .. }
                if src.is_client() && self.is_request(record.sequence, src) =>
            {
                let id = header(body, |header| header.msg_id.as_ref().map(ToString::to_string));
                self.request = Some((src.clone(), dest.clone(), *message, id));
                (self.request_delivered, self.request_dropped, self.reply) = (None, false, None);
                let text =
                    format!("{} asks {}: {}", name(src), name(dest), excerpt(body.as_bytes(), QUOTE_CHARS));
                self.add(time, [src, dest], *message, text);
            }
            Entry::Sent { message, src, dest, body, .. } => {
                let Some((client, _, _, Some(id))) = &self.request else { return };
                let answers = header(body, |header| header.in_reply_to.as_ref().map(ToString::to_string));
                if dest == client && answers.as_ref() == Some(id) {
                    self.reply.get_or_insert((*message, time));
                    let late = match &self.request {
                        Some((_, node, _, _)) if node != src => ", which was not asked",
                        _ if self.completion.is_some() => ", too late",
                        _ => "",
                    };
                    let text =
                        format!("{} answers{late}: {}", name(src), excerpt(body.as_bytes(), QUOTE_CHARS));
                    self.add(time, [src, dest], *message, text);
                }
            }
            Entry::Delivered { message } => {
                let Some((_, node, number, _)) = &self.request else { return };
                if message == number {
                    self.request_delivered = Some(time);
                    let (node, number) = (node.clone(), *number);
                    self.add(time, [&node], number, format!("{} gets it", name(&node)));
                }
            }
            Entry::Dropped { message, reason } => {
                let Some((_, node, number, _)) = &self.request else { return };
                if message == number {
                    self.request_dropped = true;
                    let (node, number) = (node.clone(), *number);
                    self.add(
                        time,
                        [&node],
                        number,
                        format!("the request to {} is lost: {reason}", name(&node)),
                    );
                } else if self.reply.is_some_and(|(reply, _)| reply == *message) {
                    self.add(time, [], *message, format!("the answer is lost: {reason}"));
                }
            }
            Entry::HostKilled { host } | Entry::HostPaused { host } | Entry::HostResumed { host } => {
                let Some((_, node, _, _)) = &self.request else { return };
                if host == node && self.completion.is_none() {
                    let what = match &record.entry {
                        Entry::HostKilled { .. } => "is killed",
                        Entry::HostPaused { .. } => "is paused",
                        _ => "goes on",
                    };
                    let host = host.clone();
                    self.steps.push(Step {
                        time,
                        hosts: vec![host.clone()],
                        messages: Vec::new(),
                        text: format!("{} {what}", name(&host)),
                    });
                }
            }
            _ => {}
        }
    }

    /// Whether a message of a client belongs to the operation. Later ones of the same client do, until it completes.
    fn is_request(&self, sequence: u64, client: &NodeId) -> bool {
        match &self.request {
            None => self.operation.is_some() && sequence == self.begun_at + 1,
            Some((known, _, _, _)) => known == client && self.completion.is_none(),
        }
    }

    fn observe_operation(&mut self, time: Time, sequence: u64, operation: Operation, index: u64) {
        let is_it = |known: &Operation| known.process == operation.process;
        if operation.index == index && operation.kind == OperationKind::Invoke {
            self.operation = Some(operation);
            self.begun_at = sequence;
        } else if operation.kind != OperationKind::Invoke
            && self.completion.is_none()
            && self.operation.as_ref().is_some_and(is_it)
            && operation.process != Process::Nemesis
        {
            let error = operation.error.as_ref().map(|error| format!(", {error}")).unwrap_or_default();
            let value = excerpt(operation.value.to_string().as_bytes(), QUOTE_CHARS);
            let text = format!("the operation ends: {}{error}, {value}", operation.kind.name());
            self.steps.push(Step { time, hosts: Vec::new(), messages: Vec::new(), text });
            self.completion = Some((time, operation));
        }
    }

    fn add<const H: usize>(&mut self, time: Time, hosts: [&NodeId; H], message: u64, text: String) {
        self.steps.push(Step {
            time,
            hosts: hosts.into_iter().cloned().collect(),
            messages: vec![message],
            text,
        });
    }

    fn conclusions(&self) -> Vec<String> {
        let sentence = match (&self.request, &self.completion, &self.reply) {
            (None, _, _) => "It sent no message.".to_owned(),
            (Some(_), _, None) if self.request_dropped => {
                "The request never reached the node, so it was never answered.".to_owned()
            }
            (Some((_, node, _, _)), _, None) if self.request_delivered.is_some() => {
                format!("{} never answered it.", name(node))
            }
            (Some((_, node, _, _)), _, None) => format!("{} never read the request.", name(node)),
            (Some(_), Some((ended, _)), Some((_, answered))) if answered > ended => {
                format!(
                    "It was answered at {}, when the client had given up at {}.",
                    seconds(*answered),
                    seconds(*ended)
                )
            }
            (Some(_), None, Some(_)) => {
                "It was answered, and the run ended before the client had the answer.".to_owned()
            }
            (Some(_), Some(_), Some(_)) => return Vec::new(),
        };
        vec![sentence]
    }
}

fn header<T>(body: &str, read: impl FnOnce(Header<'_>) -> Option<T>) -> Option<T> {
    let body = serde_json::from_str::<&RawValue>(body).ok()?;
    read(Header::parse(body).ok()?)
}
