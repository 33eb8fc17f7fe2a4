//! An operation: its requests, the replies, and what became of both.
//!
//! - `open_requests`: which ids of clients are not answered yet.
//! - `meanwhile`: what a node exchanged with others between a request and its answer.

mod meanwhile;
mod open_requests;

use std::collections::BTreeMap;

use glomers_check::{Operation, OperationKind};
use glomers_node::Time;
use glomers_protocol::{NodeId, text::excerpt};
use glomers_world::journal::{Entry, Record};
use serde_json::{Map, Value};

use meanwhile::Meanwhile;
pub(super) use open_requests::OpenRequests;

use super::{Place, QUOTE_CHARS, SLOW, Step, name, seconds, way::Way};
use crate::run::operation_record;

/// How many requests of one operation are told.
const MAX_REQUESTS: usize = 4;
/// How many messages to a node are remembered until they arrive.
const MAX_UNDER_WAY: usize = 10_000;

/// An operation that is followed.
pub(super) struct Call {
    operation: Operation,
    /// The index by which it is named: that of its beginning or that of its end.
    named: u64,
    /// What its steps are marked with, where several operations are followed.
    mark: String,
    /// The number of the entry with which it began.
    begun_at: Option<u64>,
    completion: Option<(Time, Operation)>,
    client: Option<NodeId>,
    requests: Vec<Request>,
    left_out: u64,
    steps: Vec<Step>,
    /// What the answering nodes knew of the values that are followed.
    knowledge: Vec<Knowledge>,
    /// Messages to the node that is asked, with their type and sender.
    under_way: BTreeMap<u64, (String, NodeId)>,
}

struct Request {
    node: NodeId,
    message: u64,
    /// The `msg_id`, as JSON.
    id: String,
    sent: Time,
    delivered: Option<Place>,
    lost: Option<String>,
    answer: Option<Answer>,
    /// Somebody else who got an answer to it: when, who.
    misdirected: Option<(Time, NodeId)>,
    meanwhile: Meanwhile,
    /// Whether it names the key of each of the values that are followed.
    touches: Vec<bool>,
}

/// What a node knew of a value when it answered.
struct Knowledge {
    node: NodeId,
    way: usize,
    sentence: String,
}

struct Answer {
    message: u64,
    time: Time,
    lost: Option<String>,
}

impl Call {
    pub(super) fn new(operation: Operation, named: u64, mark: String) -> Self {
        Self {
            operation,
            named,
            mark,
            begun_at: None,
            completion: None,
            client: None,
            requests: Vec::new(),
            left_out: 0,
            steps: Vec::new(),
            knowledge: Vec::new(),
            under_way: BTreeMap::new(),
        }
    }

    /// Whether the bodies of messages are of interest now.
    pub(super) fn is_under_way(&self) -> bool {
        self.begun_at.is_some() && (self.completion.is_none() || self.is_awaiting())
    }

    fn is_awaiting(&self) -> bool {
        self.requests.iter().any(|request| request.answer.is_none())
    }

    /// The messages that the steps tell of.
    pub(super) fn messages(&self) -> impl Iterator<Item = u64> + '_ {
        let answers = self.requests.iter().filter_map(|request| request.answer.as_ref());
        self.requests.iter().map(|request| request.message).chain(answers.map(|answer| answer.message))
    }

    /// Whether an entry is the loss of its request or its answer.
    pub(super) fn is_lost_by(&self, record: &Record) -> bool {
        matches!(&record.entry, Entry::Dropped { message, .. } if self.messages().any(|told| told == *message))
    }

    /// Takes in an entry. `copies`: of a message that is sent, how often it carries each of the values whose ways these are.
    pub(super) fn observe(
        &mut self,
        place: Place,
        record: &Record,
        body: Option<&Map<String, Value>>,
        (ways, copies): (&[Way], &[usize]),
        open: &OpenRequests,
    ) {
        match &record.entry {
            Entry::UserRecord(bytes) => {
                if let Ok(operation) = operation_record::decode(record.sequence, bytes) {
                    self.observe_operation(place, operation);
                }
            }
            // A client sends the request as it invokes the operation: it is the very next entry.
            Entry::Sent { message, src, dest, body: text, .. } if self.is_request(record.sequence, src) => {
                self.asks(place, *message, (src, dest), text, (body, ways));
            }
            Entry::Sent { message, src, dest, body: text, .. } => {
                let (Some(client), Some(body)) = (self.client.clone(), body) else { return };
                let answered = body.get("in_reply_to").map(Value::to_string);
                let asked = self.requests.iter().position(|request| Some(&request.id) == answered.as_ref());
                match asked {
                    Some(request) if *dest == client => {
                        self.answers(place, *message, src, (request, text), (ways, copies));
                    }
                    Some(request)
                        if dest.is_client()
                            && self.requests[request].node == *src
                            && !open.has(dest, &self.requests[request].id) =>
                    {
                        let id = &self.requests[request].id;
                        let text = format!(
                            "{} answers request {id} of {} to {}, which has no open request {id}{}: {}",
                            name(src),
                            name(&client),
                            name(dest),
                            self.mark,
                            quote(text)
                        );
                        self.steps.push(place.step(vec![src.clone(), dest.clone()], vec![*message], text));
                        self.requests[request].misdirected.get_or_insert((place.time, dest.clone()));
                    }
                    None if *dest == client && self.completion.is_none() => {
                        let Some(request) = self.requests.last() else { return };
                        let wrong = match &answered {
                            None => "no `in_reply_to`".to_owned(),
                            Some(id) => format!("`in_reply_to` {}", excerpt(id.as_bytes(), 40)),
                        };
                        let text = format!(
                            "{} sends {} what is no answer to its request {}: it has {wrong}{}: {}",
                            name(src),
                            name(&client),
                            request.id,
                            self.mark,
                            quote(text)
                        );
                        self.steps.push(place.step(vec![src.clone(), client], vec![*message], text));
                    }
                    _ => self.exchange(place, *message, (src, dest), body),
                }
            }
            Entry::Delivered { message } => self.delivered(place, *message),
            Entry::Dropped { message, reason } => self.dropped(place, *message, &reason.to_string()),
            Entry::ProtocolViolation { host, text } if self.is_asked(host) => {
                let text = excerpt(text.as_bytes(), 2 * QUOTE_CHARS);
                self.steps.push(place.step(vec![host.clone()], Vec::new(), text));
            }
            Entry::HostKilled { host } => self.happens(place, host, "is killed"),
            Entry::HostPaused { host } => self.happens(place, host, "is paused"),
            Entry::HostResumed { host } => self.happens(place, host, "goes on"),
            Entry::ProcessExited { host, .. } => self.happens(place, host, "ends"),
            _ => {}
        }
    }

    /// Whether a message of a client belongs to the operation. Later ones of the same client do, until it completes.
    fn is_request(&self, sequence: u64, src: &NodeId) -> bool {
        src.is_client()
            && self.completion.is_none()
            && match &self.client {
                None => self.begun_at.is_some_and(|begun_at| sequence == begun_at + 1),
                Some(client) => client == src,
            }
    }

    /// Whether the operation waits for this node.
    fn is_asked(&self, host: &NodeId) -> bool {
        self.completion.is_none() && self.requests.last().is_some_and(|request| request.node == *host)
    }

    fn happens(&mut self, place: Place, host: &NodeId, what: &str) {
        if self.is_asked(host) {
            self.steps.push(place.step(vec![host.clone()], Vec::new(), format!("{} {what}", name(host))));
        }
    }

    fn observe_operation(&mut self, place: Place, operation: Operation) {
        if operation.process != self.operation.process {
            return;
        }
        if operation.kind == OperationKind::Invoke {
            if operation.index == self.operation.index {
                self.begun_at = Some(place.sequence);
            }
        } else if self.begun_at.is_some() && self.completion.is_none() {
            if !operation.is_ok() {
                let error = operation.error.as_ref().map(|error| format!(", {error}"));
                let error = error.or_else(|| refusal(&operation)).unwrap_or_default();
                let meaning = if operation.kind == OperationKind::Info { ", outcome unknown" } else { "" };
                let text = format!(
                    "the operation ends{}: {}{meaning}{}",
                    self.mark,
                    operation.kind.name(),
                    excerpt(error.as_bytes(), 2 * QUOTE_CHARS)
                );
                self.steps.push(place.step(Vec::new(), Vec::new(), text));
            }
            self.completion = Some((place.time, operation));
        }
    }

    fn asks(
        &mut self,
        place: Place,
        message: u64,
        (src, dest): (&NodeId, &NodeId),
        text: &str,
        (body, ways): (Option<&Map<String, Value>>, &[Way]),
    ) {
        self.client = Some(src.clone());
        if self.requests.len() >= MAX_REQUESTS {
            self.left_out += 1;
            return;
        }
        let id = body.and_then(|body| body.get("msg_id")).map(Value::to_string).unwrap_or_default();
        let text = format!("{} asks {}{}: {}", name(src), name(dest), self.mark, quote(text));
        self.steps.push(place.step(vec![src.clone(), dest.clone()], vec![message], text));
        self.requests.push(Request {
            node: dest.clone(),
            message,
            id,
            sent: place.time,
            delivered: None,
            lost: None,
            answer: None,
            misdirected: None,
            meanwhile: Meanwhile::default(),
            touches: ways.iter().map(|way| body.is_some_and(|body| way.is_touched_by(body))).collect(),
        });
    }

    fn answers(
        &mut self,
        place: Place,
        message: u64,
        src: &NodeId,
        (request, text): (usize, &str),
        (ways, copies): (&[Way], &[usize]),
    ) {
        let is_late = self.completion.is_some();
        let request = &mut self.requests[request];
        let remark = match &request.answer {
            Some(_) => ", a second time",
            None if request.node != *src => ", which was not asked",
            None if is_late => ", too late",
            None => "",
        };
        let step = format!("{} answers{}{remark}: {}", name(src), self.mark, quote(text));
        if request.answer.is_none() {
            self.steps.extend(request.meanwhile.step(src, &self.mark));
            request.answer = Some(Answer { message, time: place.time, lost: None });
            let is_read = ["read", "poll", "txn"].contains(&self.operation.f.as_str());
            for (number, way) in ways.iter().enumerate() {
                if copies[number] > 0
                    || way.is_in(request.message)
                    || !request.touches[number]
                    || !way.is_there()
                {
                    continue;
                }
                // Where one value took the place of another it is of no interest that the other was known.
                if !is_read && way.is_at(src) {
                    continue;
                }
                let (answering, time, known) = (name(src), seconds(place.time), way.knowledge_of(src));
                let index = self.named;
                let sentence = if is_read {
                    format!(
                        "{answering} answered operation {index} at {time} without {}: {known}.",
                        way.label()
                    )
                } else {
                    format!("When {answering} answered operation {index} at {time}, {known}.")
                };
                self.knowledge.push(Knowledge { node: src.clone(), way: number, sentence });
            }
        }
        let client = self.client.clone();
        let hosts = [src.clone()].into_iter().chain(client).collect();
        self.steps.push(place.step(hosts, vec![message], step));
    }

    /// Remembers what the asked node sends, and what is sent to it.
    fn exchange(
        &mut self,
        place: Place,
        message: u64,
        (src, dest): (&NodeId, &NodeId),
        body: &Map<String, Value>,
    ) {
        let Some(request) = self.requests.last_mut() else { return };
        if request.answer.is_some() || self.completion.is_some() || src.is_client() || dest.is_client() {
            return;
        }
        let kind = || {
            let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
            excerpt(kind.as_bytes(), 40)
        };
        if *src == request.node && request.delivered.is_some() {
            request.meanwhile.note(place, message);
            *request.meanwhile.sent.entry((kind(), dest.clone())).or_default() += 1;
        } else if *dest == request.node {
            self.under_way.insert(message, (kind(), src.clone()));
            if self.under_way.len() > MAX_UNDER_WAY {
                self.under_way.pop_first();
            }
        }
    }

    fn delivered(&mut self, place: Place, message: u64) {
        if let Some((kind, src)) = self.under_way.remove(&message) {
            if let Some(request) = self.requests.last_mut().filter(|request| request.answer.is_none()) {
                request.meanwhile.note(place, message);
                *request.meanwhile.got.entry((kind, src)).or_default() += 1;
            }
        } else if let Some(request) = self.requests.iter_mut().find(|request| request.message == message) {
            request.delivered.get_or_insert(place);
        }
    }

    fn dropped(&mut self, place: Place, message: u64, reason: &str) {
        let reason = excerpt(reason.as_bytes(), 80);
        if let Some(request) = self.requests.iter_mut().find(|request| request.message == message) {
            let text = format!("the request to {} is lost{}: {reason}", name(&request.node), self.mark);
            let node = request.node.clone();
            request.lost = Some(reason);
            request.delivered = None;
            self.steps.push(place.step(vec![node], vec![message], text));
        } else if let Some(answer) = self
            .requests
            .iter_mut()
            .filter_map(|request| request.answer.as_mut())
            .find(|answer| answer.message == message)
        {
            // A client that has its answer goes; that copies come later is no loss.
            let text = format!("the answer is lost{}: {reason}", self.mark);
            answer.lost = Some(reason);
            self.steps.push(place.step(Vec::new(), vec![message], text));
        }
    }

    /// The steps. `with_exchange`: with what the nodes sent to others between request and answer.
    pub(super) fn steps(&self, with_exchange: bool) -> Vec<Step> {
        let mut steps: Vec<Step> =
            self.steps.iter().filter(|step| with_exchange || !step.is_minor).cloned().collect();
        for request in &self.requests {
            // That a request arrives goes without saying, unless it takes long or is never answered.
            if let Some(delivered) = request.delivered
                && (request.answer.is_none() || delivered.time.since(request.sent) >= SLOW)
            {
                let text = format!("{} gets it{}", name(&request.node), self.mark);
                steps.push(delivered.step(vec![request.node.clone()], vec![request.message], text));
            }
            if request.answer.is_none() && with_exchange {
                steps.extend(request.meanwhile.step(&request.node, &self.mark));
            }
        }
        steps
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(super) fn conclusions(&self, ways: &[Way]) -> Vec<String> {
        // Of a node that never got the value the way tells more.
        let knowledge = self.knowledge.iter().filter(|knowledge| ways[knowledge.way].was_at(&knowledge.node));
        let mut conclusions: Vec<String> = knowledge.map(|knowledge| knowledge.sentence.clone()).collect();
        let it = if self.mark.is_empty() { "It".to_owned() } else { format!("Operation {}", self.named) };
        if self.begun_at.is_some() && self.requests.is_empty() {
            conclusions.push(format!("{it} sent no message."));
        }
        let outcome = self.requests.iter().rev().find_map(|request| self.outcome_of(request, &it));
        conclusions.extend(outcome);
        conclusions
    }

    /// Why a request got no answer that counted; nothing if it got one.
    fn outcome_of(&self, request: &Request, it: &str) -> Option<String> {
        let node = name(&request.node);
        let (request_name, answer_name) = match it {
            "It" => ("The request".to_owned(), "Its answer".to_owned()),
            _ => (format!("The request of {}", lower(it)), format!("The answer to {}", lower(it))),
        };
        let ended = self.completion.as_ref().map(|(time, _)| *time);
        Some(match (&request.answer, ended) {
            (None, _) if request.lost.is_some() => {
                format!("{request_name} never reached {node}, so it was never answered.")
            }
            (None, _) => match &request.misdirected {
                Some((time, other)) => format!(
                    "{node} never answered the client that asked: at {} it sent the answer to {} instead.",
                    seconds(*time),
                    name(other)
                ),
                None if request.delivered.is_some() => format!("{node} never answered {}.", lower(it)),
                None => format!(
                    "{request_name} was still on its way to {node}, or in front of it, when the run ended."
                ),
            },
            (Some(answer), _) if answer.lost.is_some() && ended.is_none_or(|ended| ended > answer.time) => {
                format!("{answer_name} was lost on its way.")
            }
            (Some(answer), Some(ended)) if answer.time > ended => format!(
                "{it} was answered at {}, when the client had given up at {}.",
                seconds(answer.time),
                seconds(ended)
            ),
            (Some(_), None) => {
                format!("{it} was answered, and the run ended before the client had the answer.")
            }
            (Some(_), Some(_)) => return None,
        })
    }
}

/// Why a reply was not accepted: the last line of what the client says of it.
fn refusal(operation: &Operation) -> Option<String> {
    let exception = operation.get("exception")?.get("via")?.as_sequence()?.first()?;
    let line = exception.get("message")?.as_str()?.lines().rfind(|line| !line.trim().is_empty())?;
    let reason = line.trim().trim_start_matches("which is wrong: ");
    Some(format!(", its answer was not accepted: {reason}"))
}

fn lower(it: &str) -> String {
    it.replacen('I', "i", 1).replacen('O', "o", 1)
}

fn quote(text: &str) -> String {
    excerpt(text.as_bytes(), QUOTE_CHARS)
}
