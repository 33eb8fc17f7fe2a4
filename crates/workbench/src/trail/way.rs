//! The way of a value.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use glomers_node::Time;
use glomers_protocol::{NodeId, RESERVED_KEYS, text::escape};
use glomers_world::{
    HostRole,
    journal::{Entry, Record},
};
use serde_json::{Map, Value};

use super::{Place, SLOW, Step, duration, name, names, seconds, thing::Thing};
use crate::text::count;

/// How many kinds of passages are kept apart; further ones are counted.
const MAX_PASSAGES: usize = 2_000;
/// How many messages a passage names.
const MAX_MESSAGES: usize = 16;
/// How many nodes that died with it are told of one by one.
const MAX_TOLD_DEATHS: usize = 3;
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
    pub(super) fn new(thing: Thing, label: String) -> Self {
        Self {
            thing,
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

/// What is told of it.
impl Way {
    /// The steps, those of messages in `told` left out: they are told already.
    pub(super) fn steps(&self, told: &BTreeSet<u64>) -> Vec<Step> {
        let mut passages: Vec<(&Link, &Passage)> = self.passages.iter().collect();
        passages.retain(|(_, passage)| !passage.messages.iter().all(|message| told.contains(message)));
        passages.sort_by_key(|(_, passage)| passage.first);
        let mut steps = self.marks.clone();
        let mut rest = &passages[..];
        while let Some(((link, passage), _)) = rest.split_first() {
            // What one node sends to several at a moment is one step.
            let is_same = |(other, another): &&(&Link, &Passage)| {
                (&other.src, &other.kind, other.copies) == (&link.src, &link.kind, link.copies)
                    && another.first.time == passage.first.time
                    && other.dest.is_some()
                    && !link.src.is_client()
            };
            let together = 1 + rest[1..].iter().take_while(is_same).count();
            steps.push(self.step(&rest[..together]));
            rest = &rest[together..];
        }
        steps
    }

    fn step(&self, passages: &[(&Link, &Passage)]) -> Step {
        let (link, passage) = passages[0];
        let (src, kind, label) = (name(&link.src), &link.kind, &self.label);
        let mut text = match &link.dest {
            _ if link.src.is_client() => format!("{src} gives {label} ({kind}) to "),
            Some(_) => format!("{src} sends {label} ({kind}) to "),
            None if link.copies > 1 => {
                format!("{src} shows {label} {} times in one message ({kind}) to ", link.copies)
            }
            None => format!("{src} shows {label} ({kind}) to "),
        };
        for (place, (_, passage)) in passages.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            let _ = write!(text, "{comma}{}{}", name(&passage.dest), passage.fate());
        }
        let mut hosts = vec![link.src.clone()];
        hosts.extend(passages.iter().map(|(_, passage)| passage.dest.clone()));
        let messages = passages.iter().flat_map(|(_, passage)| passage.messages.iter().copied());
        let step = passage.first.step(hosts, messages.take(MAX_MESSAGES).collect(), text);
        // That it is shown again is of less interest than how it gets around.
        if link.dest.is_none() && link.copies == 1 { step.minor() } else { step }
    }

    pub(super) fn conclusions(&self) -> Vec<String> {
        let label = &self.label;
        if self.passages.is_empty() {
            return vec![format!("No message carried {label}.")];
        }
        let mut conclusions = Vec::new();
        conclusions.extend(self.acknowledged(label));
        conclusions.extend(self.never_there(label));
        conclusions.extend(self.gone(label));
        conclusions.extend(self.several_times(label));
        if self.nodes.iter().all(|node| self.holders.contains_key(node)) {
            conclusions.extend(self.spread(label));
        } else if let Some((time, node)) = &self.last_shown {
            let (node, time) = (name(node), seconds(*time));
            conclusions.push(format!("The last to show {label} to a client was {node}, at {time}."));
        }
        conclusions
    }

    /// Who else had it when a node acknowledged it. Of interest where it was lost, and where a key has one newest value.
    fn acknowledged(&self, label: &str) -> Option<String> {
        let Acknowledgement { time, node, others } = self.acknowledgement.as_ref()?;
        let is_everywhere = self.nodes.iter().all(|node| self.ever.contains(node));
        if self.died.is_empty() && (is_everywhere || !self.thing.has_key()) {
            return None;
        }
        let (node, time) = (name(node), seconds(*time));
        Some(match &others[..] {
            [] => format!(
                "When {node} acknowledged {label}, at {time}, no message had taken {label} to another node."
            ),
            others => format!(
                "When {node} acknowledged {label}, at {time}, of the others {} had it.",
                names(others)
            ),
        })
    }

    /// How much of what a node last showed before it ended it still showed after it had started again.
    fn remembered(&self, node: &NodeId) -> Option<String> {
        let answers = self.answers.get(node)?;
        let (kind, former, first) = answers
            .former
            .iter()
            .find_map(|(kind, former)| Some((kind, former, answers.first.get(kind)?)))?;
        if former.is_empty() {
            return None;
        }
        let kept = former.iter().filter(|element| first.contains(element)).count();
        let kept = if kept == 0 { "none".to_owned() } else { kept.to_string() };
        Some(format!(
            " Its last {} before held {}, its first one after {kept} of these.",
            escape(kind),
            count(former.len() as u64, "element")
        ))
    }

    /// How the nodes without it were left out.
    fn never_there(&self, label: &str) -> Vec<String> {
        let without: Vec<&NodeId> = self.nodes.iter().filter(|node| !self.ever.contains(*node)).collect();
        let (told, untold): (Vec<&NodeId>, Vec<&NodeId>) =
            without.into_iter().partition(|node| self.sent_to(node).0 > 0);
        let mut sentences = Vec::new();
        let is_passed_on = self.passages.keys().any(|link| link.dest.is_some() && !link.src.is_client());
        if !untold.is_empty() && is_passed_on {
            sentences.push(format!("No message ever took {label} to {}.", names(untold)));
        } else if !untold.is_empty() {
            sentences.push(format!("No node ever sent {label} to another: {} never got it.", names(untold)));
        }
        sentences.extend(told.into_iter().map(|node| {
            let (sent, lost) = self.sent_to(node);
            let to_it = self.passages.iter().filter(|(link, _)| link.dest.as_ref() == Some(node));
            let last = to_it.map(|(_, passage)| passage.last).max().unwrap_or(Time::ZERO);
            let node = name(node);
            format!(
                "{node} never got {label}: {}. Nobody sent {label} to {node} after {}.",
                how_lost(sent, &lost, label, &node),
                seconds(last)
            )
        }));
        sentences
    }

    /// How many messages with it went to a node, and how many of them were lost, by reason.
    fn sent_to(&self, node: &NodeId) -> (u64, BTreeMap<String, u64>) {
        let mut lost: BTreeMap<String, u64> = BTreeMap::new();
        let mut sent = 0;
        for (link, passage) in self.passages.iter().filter(|(link, _)| link.dest.as_ref() == Some(node)) {
            sent += passage.sent;
            for (reason, times) in &passage.lost {
                *lost.entry(format!("{}, {reason}", link.kind)).or_default() += times;
            }
        }
        (sent, lost)
    }

    /// Who had it and died with it.
    fn gone(&self, label: &str) -> Vec<String> {
        let mut sentences: Vec<String> = self
            .died
            .iter()
            .map(|(node, (time, restarted))| {
                let remembered = self.remembered(node).unwrap_or_default();
                let acknowledged = self.acknowledgement.as_ref().filter(|given| given.node == *node);
                let since = acknowledged.map_or_else(String::new, |given| {
                    format!(", {} after it had acknowledged {label}", duration(time.since(given.time)))
                });
                let (node, time) = (name(node), seconds(*time));
                match restarted {
                    Some(_) => format!(
                        "{node} had {label} until it ended at {time}{since}; nothing that it sent after it had started again \
                         held {label}.{remembered}"
                    ),
                    None => format!("{node} had {label} until it ended at {time}{since}, and did not start again."),
                }
            })
            .collect();
        if self.died.len() > MAX_TOLD_DEATHS {
            let ended = names(self.died.keys());
            sentences.truncate(MAX_TOLD_DEATHS);
            sentences.push(format!("In all, {ended} had {label} when they ended."));
        }
        if !sentences.is_empty() {
            sentences.push(match self.holders.len() {
                0 => format!("After that no message shows {label} at any node."),
                _ => format!("{} still had {label} in the end.", names(self.holders.keys())),
            });
        }
        sentences
    }

    /// How a node came to show it several times in one message.
    fn several_times(&self, label: &str) -> Option<String> {
        let is_several = |(link, _): &(&Link, &Passage)| link.dest.is_none() && link.copies > 1;
        let (link, passage) =
            self.passages.iter().filter(is_several).min_by_key(|(_, passage)| passage.first)?;
        let is_source = |(other, sent): &(&Link, &Passage)| {
            other.dest.as_ref() == Some(&link.src)
                && sent.first_arrived.is_some_and(|arrived| arrived <= passage.first.time)
        };
        let mut sources: Vec<(&Link, &Passage)> = self.passages.iter().filter(is_source).collect();
        sources.sort_by_key(|(_, passage)| passage.first);
        let told: Vec<String> = sources
            .iter()
            .map(|(link, passage)| format!("{} from {} ({})", passage.arrived, name(&link.src), link.kind))
            .collect();
        let arrived: u64 = sources.iter().map(|(_, passage)| passage.arrived).sum();
        Some(format!(
            "{node} showed {label} {} times in one message ({}). {} brought {label} to {node}{}.",
            link.copies,
            link.kind,
            if arrived == 0 { "No message".to_owned() } else { count(arrived, "message") },
            if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) },
            node = name(&link.src),
        ))
    }

    /// How long it took to get everywhere, and where it waited.
    fn spread(&self, label: &str) -> Option<String> {
        let (given, first) = self.given.as_ref()?;
        let last = self.holders.values().map(|holding| holding.since).max()?;
        let took = last.since(*given);
        if took < SLOW {
            return None;
        }
        let mut text = format!(
            "All {} had {label} at {}, {} after {} was given it.",
            count(self.holders.len() as u64, "node"),
            seconds(last),
            duration(took),
            name(first)
        );
        let wait = |holding: &Holding| holding.passed_on.map(|passed_on| passed_on.since(holding.since));
        let longest = self
            .holders
            .iter()
            .filter_map(|(node, holding)| Some((wait(holding)?, node, holding)))
            .max_by_key(|(wait, ..)| *wait);
        if let Some((wait, node, holding)) = longest.filter(|(wait, ..)| *wait >= SLOW) {
            let _ = write!(
                text,
                " The longest wait was at {}: it had {label} at {} and first sent it on {} later.",
                name(node),
                seconds(holding.since),
                duration(wait)
            );
        }
        Some(text)
    }

    /// Why a node did not know it at this moment, or since when it did.
    pub(super) fn knowledge_of(&self, node: &NodeId) -> String {
        let (label, host) = (&self.label, name(node));
        if let Some(holding) = self.holders.get(node) {
            return format!("{host} had {label} since {}", seconds(holding.since));
        }
        if let Some((time, _)) = self.died.get(node) {
            return format!(
                "{host} had {label} until it ended at {}, and no message had taken it there since",
                seconds(*time)
            );
        }
        match self.sent_to(node) {
            (0, _) => format!("no message had taken {label} to {host}"),
            (sent, lost) => how_lost(sent, &lost, label, &host),
        }
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// `the only message with it was lost (gossip, partition)`.
fn how_lost(sent: u64, lost: &BTreeMap<String, u64>, label: &str, host: &str) -> String {
    let total: u64 = lost.values().sum();
    let reasons: Vec<String> = match &lost.iter().collect::<Vec<_>>()[..] {
        [(reason, _)] => vec![(*reason).clone()],
        several => several.iter().map(|(reason, times)| format!("{times}: {reason}")).collect(),
    };
    let reasons = reasons.join("; ");
    match (sent, total) {
        (1, 0) => format!("the only message with {label} to {host} was still under way"),
        (sent, 0) => format!("{sent} messages with {label} to {host} were still under way"),
        (1, _) => format!("the only message with {label} to {host} was lost ({reasons})"),
        (sent, total) if sent == total => {
            format!("all {sent} messages with {label} to {host} were lost ({reasons})")
        }
        (sent, total) => format!("of {sent} messages with {label} to {host} {total} were lost ({reasons})"),
    }
}

impl Passage {
    /// What became of its messages: nothing to say of one that arrived at once.
    fn fate(&self) -> String {
        let mut notes = Vec::new();
        if self.sent > 1 {
            notes.push(format!("{} in all until {}", count(self.sent, "message"), seconds(self.last)));
        }
        let lost: Vec<String> =
            self.lost
                .iter()
                .map(|(reason, times)| {
                    if self.sent == 1 { format!("lost: {reason}") } else { format!("{times} lost: {reason}") }
                })
                .collect();
        notes.extend(lost);
        match self.first_arrived {
            None if self.lost.is_empty() => notes.push("not yet arrived".to_owned()),
            Some(arrived) if arrived.since(self.first.time) >= SLOW => {
                let which = if self.sent == 1 { "it arrives" } else { "the first arrives" };
                notes.push(format!("{which} at {}", seconds(arrived)));
            }
            _ => {}
        }
        if notes.is_empty() { String::new() } else { format!(" [{}]", notes.join("; ")) }
    }
}
