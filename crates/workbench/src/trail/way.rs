//! The way of a value: this follows it.
//!
//! - `told`: the steps and the conclusions.

mod told;

use std::collections::{BTreeMap, BTreeSet};

use glomers_node::Time;
use glomers_protocol::{NodeId, RESERVED_KEYS, text::escape};
use glomers_world::{
    HostRole,
    journal::{Entry, Record},
};
use serde_json::{Map, Value};

use super::{Place, Step, name, thing::Thing};

/// How many kinds of passages are kept apart; further ones are counted.
const MAX_PASSAGES: usize = 2_000;
/// How many messages a passage names.
const MAX_MESSAGES: usize = 16;
/// How many messages with the value are followed at a time.
const MAX_UNDER_WAY: usize = 10_000;

/// Messages of one type from one host to another that carry the value, in one life of the sender. Answers to clients are one passage,
/// whoever gets them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Link {
    src: NodeId,
    dest: Option<NodeId>,
    kind: String,
    life: u32,
    /// How often one message holds the value.
    copies: usize,
}

/// What became of the messages of a link.
struct Passage {
    first: Place,
    last: Time,
    messages: Vec<u64>,
    sent: u64,
    /// Who got the first.
    dest: NodeId,
    /// How often one of them arrived, and when first.
    arrived: u64,
    first_arrived: Option<Time>,
    lost: BTreeMap<String, u64>,
}

/// A message with the value that is under way or has arrived.
struct Carrier {
    link: Link,
    arrived: Option<Time>,
}

/// How a node has the value.
#[derive(Clone, Copy)]
struct Holding {
    since: Time,
    /// When it first sent it to another node.
    passed_on: Option<Time>,
}

/// That a node answered a client that had given it the value: the first time.
struct Acknowledgement {
    time: Time,
    node: NodeId,
    /// Who else had it then.
    others: Vec<NodeId>,
}

/// What a node showed to clients, by the type of the message: the last list in its former life, and the first and last in this one.
#[derive(Default)]
struct Answers {
    former: BTreeMap<String, Vec<Value>>,
    first: BTreeMap<String, Vec<Value>>,
    last: BTreeMap<String, Vec<Value>>,
}

pub(super) struct Way {
    thing: Thing,
    /// Whether it is followed up to an answer only, so that nothing can be said of the time after that.
    has_end: bool,
    /// How the steps call it: `it`, or its value where several are followed.
    label: String,
    nodes: BTreeSet<NodeId>,
    lives: BTreeMap<NodeId, u32>,
    passages: BTreeMap<Link, Passage>,
    left_out: u64,
    under_way: BTreeMap<u64, Carrier>,
    /// Requests for the key, by who asked whom under which id.
    asked: BTreeSet<(NodeId, NodeId, String)>,
    holders: BTreeMap<NodeId, Holding>,
    /// The nodes that ever had it.
    ever: BTreeSet<NodeId>,
    /// Those that had it when they died, and have not had it since; with when they started again.
    died: BTreeMap<NodeId, (Time, Option<Time>)>,
    /// When a node first acknowledged it or was first given it by a client.
    given: Option<(Time, NodeId)>,
    /// Requests of clients that gave it, not answered yet: who asked whom under which id.
    unanswered: BTreeSet<(NodeId, NodeId, String)>,
    acknowledgement: Option<Acknowledgement>,
    answers: BTreeMap<NodeId, Answers>,
    last_sent: Option<Time>,
    last_shown: Option<(Time, NodeId)>,
    marks: Vec<Step>,
}

impl Way {
    pub(super) fn new(thing: Thing, label: String, has_end: bool) -> Self {
        Self {
            thing,
            has_end,
            label,
            nodes: BTreeSet::new(),
            lives: BTreeMap::new(),
            passages: BTreeMap::new(),
            left_out: 0,
            under_way: BTreeMap::new(),
            asked: BTreeSet::new(),
            holders: BTreeMap::new(),
            ever: BTreeSet::new(),
            died: BTreeMap::new(),
            given: None,
            unanswered: BTreeSet::new(),
            acknowledgement: None,
            answers: BTreeMap::new(),
            last_sent: None,
            last_shown: None,
            marks: Vec::new(),
        }
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Takes in an entry. `body`: of a message that is sent, its body. Returns how often the message carries the value.
    pub(super) fn observe(
        &mut self,
        place: Place,
        record: &Record,
        body: Option<&Map<String, Value>>,
    ) -> usize {
        let mut copies = 0;
        match &record.entry {
            Entry::HostAdded { host, role: HostRole::Node } => {
                self.nodes.insert(host.clone());
                if let Some((_, restarted)) = self.died.get_mut(host) {
                    *restarted = Some(place.time);
                    self.mark(place, host, format!("{} starts again", name(host)));
                }
            }
            Entry::Sent { message, src, dest, .. } => {
                let Some(body) = body else { return 0 };
                let is_answer = self.note_request(src, dest, body);
                copies = self.thing.count_in(body, is_answer);
                self.note_answer(place.time, (src, dest), body, copies > 0);
                if copies > 0 {
                    let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
                    // A transaction may read one key several times.
                    let is_transaction = self.thing.has_key() && kind.starts_with("txn");
                    let copies = if is_transaction { 1 } else { copies };
                    self.sent(place, *message, src, dest, kind, copies);
                }
            }
            Entry::Delivered { message } => self.delivered(place.time, *message),
            Entry::Dropped { message, reason } => self.dropped(*message, &reason.to_string()),
            Entry::HostKilled { host } => self.died(place, host, "is killed"),
            Entry::ProcessExited { host, status } => self.died(place, host, &escape(status)),
            _ => {}
        }
        copies
    }

    /// Whether an entry is the loss of a message that carries the value.
    pub(super) fn is_lost_by(&self, record: &Record) -> bool {
        matches!(&record.entry, Entry::Dropped { message, .. } if self.under_way.contains_key(message))
    }

    /// Whether anybody has sent it yet.
    pub(super) fn is_there(&self) -> bool {
        !self.passages.is_empty()
    }

    /// Whether a body names its key; true if it has none.
    pub(super) fn is_touched_by(&self, body: &Map<String, Value>) -> bool {
        self.thing.is_touched_by(body)
    }

    /// Whether a node has it now, as far as messages tell.
    pub(super) fn is_at(&self, node: &NodeId) -> bool {
        self.holders.contains_key(node)
    }

    /// Whether a node ever had it, as far as messages tell.
    pub(super) fn was_at(&self, node: &NodeId) -> bool {
        self.ever.contains(node)
    }

    /// Whether this message carries it, and is under way or has arrived.
    pub(super) fn is_in(&self, message: u64) -> bool {
        self.under_way.contains_key(&message)
    }

    /// Whether the text of a body makes it worth parsing.
    pub(super) fn wants(&self, body: &str) -> bool {
        self.thing.may_be_in(body)
            || (!self.ever.is_empty() && body.contains("in_reply_to"))
            || (self.thing.has_key() && self.thing.key_may_be_in(body))
    }

    /// Remembers a request for the key. Whether the message answers one.
    fn note_request(&mut self, src: &NodeId, dest: &NodeId, body: &Map<String, Value>) -> bool {
        if self.thing.is_asked_by(body)
            && let Some(id) = body.get("msg_id")
            && self.asked.len() < MAX_UNDER_WAY
        {
            self.asked.insert((src.clone(), dest.clone(), id.to_string()));
        }
        match body.get("in_reply_to") {
            Some(id) if !self.asked.is_empty() => {
                self.asked.remove(&(dest.clone(), src.clone(), id.to_string()))
            }
            _ => false,
        }
    }

    /// Remembers who gave it to whom, and which answers came.
    fn note_answer(
        &mut self,
        time: Time,
        (src, dest): (&NodeId, &NodeId),
        body: &Map<String, Value>,
        carries: bool,
    ) {
        if src.is_client() {
            if let (true, Some(id)) = (carries && self.unanswered.len() < MAX_UNDER_WAY, body.get("msg_id")) {
                self.unanswered.insert((src.clone(), dest.clone(), id.to_string()));
            }
            return;
        }
        if !dest.is_client() {
            return;
        }
        let kind = body.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some(id) = body.get("in_reply_to")
            && self.unanswered.remove(&(dest.clone(), src.clone(), id.to_string()))
            && kind != "error"
            && self.acknowledgement.is_none()
        {
            let others = self.holders.keys().filter(|holder| *holder != src).cloned().collect();
            self.acknowledgement = Some(Acknowledgement { time, node: src.clone(), others });
        }
        let own = body.iter().filter(|(name, _)| !RESERVED_KEYS.contains(&name.as_str()));
        if let Some(list) = own.filter_map(|(_, value)| value.as_array()).max_by_key(|list| list.len()) {
            let answers = self.answers.entry(src.clone()).or_default();
            answers.last.insert(kind.to_owned(), list.clone());
            answers.first.entry(kind.to_owned()).or_insert_with(|| list.clone());
        }
    }

    fn sent(&mut self, place: Place, message: u64, src: &NodeId, dest: &NodeId, kind: &str, copies: usize) {
        let is_from_node = !src.is_client();
        let is_shown = dest.is_client();
        if self.nodes.contains(src) {
            self.last_sent = Some(place.time);
            // What it sends it has.
            let holding = self.hold(src, place.time);
            if !is_shown {
                holding.passed_on.get_or_insert(place.time);
            }
        }
        if !is_from_node && self.given.is_none() {
            self.given = Some((place.time, dest.clone()));
        }
        if is_shown && is_from_node {
            self.last_shown = Some((place.time, src.clone()));
        }
        let link = Link {
            src: src.clone(),
            dest: (!is_shown).then(|| dest.clone()),
            kind: escape(kind).to_string(),
            life: self.lives.get(src).copied().unwrap_or_default(),
            copies,
        };
        if !self.passages.contains_key(&link) && self.passages.len() >= MAX_PASSAGES {
            self.left_out += 1;
            return;
        }
        let passage = self.passages.entry(link.clone()).or_insert_with(|| Passage {
            first: place,
            last: place.time,
            messages: Vec::new(),
            sent: 0,
            dest: dest.clone(),
            arrived: 0,
            first_arrived: None,
            lost: BTreeMap::new(),
        });
        passage.sent += 1;
        passage.last = place.time;
        if passage.messages.len() < MAX_MESSAGES {
            passage.messages.push(message);
        }
        self.under_way.insert(message, Carrier { link, arrived: None });
        if self.under_way.len() > MAX_UNDER_WAY {
            self.under_way.pop_first();
        }
    }

    /// A node has it from now on, if it had it not before.
    fn hold(&mut self, node: &NodeId, since: Time) -> &mut Holding {
        self.ever.insert(node.clone());
        self.died.remove(node);
        self.holders.entry(node.clone()).or_insert(Holding { since, passed_on: None })
    }

    fn delivered(&mut self, time: Time, message: u64) {
        // A message that a fault doubled is delivered again.
        let Some(carrier) = self.under_way.get_mut(&message) else { return };
        carrier.arrived = Some(time);
        let link = carrier.link.clone();
        if let Some(passage) = self.passages.get_mut(&link) {
            passage.arrived += 1;
            passage.first_arrived.get_or_insert(time);
        }
        if let Some(dest) = link.dest.filter(|dest| self.nodes.contains(dest)) {
            self.hold(&dest, time);
        }
    }

    fn dropped(&mut self, message: u64, reason: &str) {
        let Some(Carrier { link, arrived }) = self.under_way.remove(&message) else { return };
        if let Some(passage) = self.passages.get_mut(&link) {
            *passage.lost.entry(escape(reason).to_string()).or_default() += 1;
            if arrived.is_some() && passage.arrived > 0 {
                passage.arrived -= 1;
                if passage.arrived == 0 {
                    passage.first_arrived = None;
                }
            }
        }
        // What was taken back had not been read.
        if let (Some(time), Some(dest)) = (arrived, &link.dest)
            && self.holders.get(dest).is_some_and(|holding| holding.since == time)
        {
            self.holders.remove(dest);
            self.ever.remove(dest);
        }
    }

    fn died(&mut self, place: Place, host: &NodeId, how: &str) {
        if !self.nodes.contains(host) {
            return;
        }
        *self.lives.entry(host.clone()).or_default() += 1;
        if let Some(answers) = self.answers.get_mut(host) {
            answers.first.clear();
            answers.former = std::mem::take(&mut answers.last);
        }
        if self.holders.remove(host).is_some() {
            self.died.insert(host.clone(), (place.time, None));
            self.mark(place, host, format!("{} {how}; it had {}", name(host), self.label));
        }
    }

    fn mark(&mut self, place: Place, host: &NodeId, text: String) {
        self.marks.push(place.step(vec![host.clone()], Vec::new(), text));
    }
}
