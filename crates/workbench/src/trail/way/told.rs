//! What is told of the way of a value.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use glomers_node::Time;
use glomers_protocol::{NodeId, text::escape};

use super::{
    super::{SLOW, Step, duration, name, names, seconds},
    Acknowledgement, Holding, Link, MAX_MESSAGES, Passage, Way,
};
use crate::text::count;

/// How many nodes that died with it are told of one by one.
const MAX_TOLD_DEATHS: usize = 3;

impl Way {
    /// The steps, those of messages in `told` left out: they are told already.
    pub(in super::super) fn steps(&self, told: &BTreeSet<u64>) -> Vec<Step> {
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

    pub(in super::super) fn conclusions(&self) -> Vec<String> {
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
        } else if let Some((time, node)) = self.last_shown.as_ref().filter(|_| !self.thing.has_key()) {
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
        if !untold.is_empty() {
            let untold = names(untold);
            sentences.push(match (is_passed_on, self.has_end) {
                (true, true) => format!("Until then no message took {label} to {untold}."),
                (true, false) => format!("No message ever took {label} to {untold}."),
                (false, true) => {
                    format!("Until then no node sent {label} to another: {untold} had not got it.")
                }
                (false, false) => format!("No node ever sent {label} to another: {untold} never got it."),
            });
        }
        sentences.extend(told.into_iter().map(|node| {
            let (sent, lost) = self.sent_to(node);
            let to_it = self.passages.iter().filter(|(link, _)| link.dest.as_ref() == Some(node));
            let last = to_it.map(|(_, passage)| passage.last).max().unwrap_or(Time::ZERO);
            let node = name(node);
            let lost = how_lost(sent, &lost, label, &node);
            match self.has_end {
                true => format!("Until then {node} had not got {label}: {lost}."),
                false => format!(
                    "{node} never got {label}: {lost}. Nobody sent {label} to {node} after {}.",
                    seconds(last)
                ),
            }
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
    pub(in super::super) fn knowledge_of(&self, node: &NodeId) -> String {
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

    pub(in super::super) fn left_out(&self) -> u64 {
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
