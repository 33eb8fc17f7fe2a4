//! The journal read once, and what was found put together in the order of time.

use std::collections::{BTreeMap, BTreeSet};

use glomers_protocol::text::{escape, excerpt};
use glomers_world::{
    DropReason,
    journal::{Entry, Record},
};
use serde_json::{Map, Value};

use crate::run::operation_record;

use super::{
    MAX_STEPS, Origin, Place, Step, Trail,
    additions::Additions,
    call::{Call, OpenRequests},
    node::Conduct,
    wanted::{Followed, Wanted},
    way::Way,
};

/// How many entries may come before the first operation.
const MAX_EARLY: usize = 100_000;
/// How many conclusions there are at most.
const MAX_CONCLUSIONS: usize = 10;
/// How many faults of the network are told.
const MAX_FAULTS: usize = 4;

pub(super) fn tell(records: impl IntoIterator<Item = Record>, wanted: Wanted) -> Trail {
    let subject = subject(&wanted);
    let mut tale = Tale::new(wanted);
    // What comes before the first operation waits until that tells how the history counts time.
    let mut records = records.into_iter();
    let mut early = Vec::new();
    while !tale.origin.is_known()
        && early.len() < MAX_EARLY
        && let Some(record) = records.next()
    {
        tale.origin.observe(&record);
        early.push(record);
    }
    for record in early.into_iter().chain(records) {
        tale.observe(&record);
        if tale.is_over() {
            break;
        }
    }
    tale.finish(subject)
}

/// What it is about, in one line.
fn subject(wanted: &Wanted) -> String {
    let is_long = wanted.operations.len() > 2;
    let things = wanted.things.iter().map(super::thing::Thing::full_name);
    let operations = wanted.operations.iter().map(|Followed { begin: operation, named }| {
        let value = excerpt(operation.value.to_string().as_bytes(), if is_long { 40 } else { 80 });
        format!("operation {named} ({} {value})", escape(&operation.f))
    });
    let node = wanted.node.as_ref().map(|node| escape(node).to_string());
    let mut parts: Vec<String> = things.chain(operations).chain(node).collect();
    if wanted.left_out > 0 {
        parts.push(format!("{} more, left out", wanted.left_out));
    }
    match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

struct Tale {
    origin: Origin,
    ways: Vec<Way>,
    calls: Vec<Call>,
    conduct: Option<Conduct>,
    additions: Option<Additions>,
    open: OpenRequests,
    faults: BTreeMap<u64, Fault>,
    /// See [`Wanted::window`].
    window: Option<(u64, u64)>,
    /// Whether messages with the values are of interest now.
    is_within: bool,
    is_past: bool,
}

/// A fault of the network.
struct Fault {
    began: Place,
    ended: Option<Place>,
    description: String,
    /// Whether messages that are told were lost while it lasted.
    matters: bool,
}

impl Tale {
    fn new(wanted: Wanted) -> Self {
        let is_only_thing = wanted.things.len() == 1;
        let is_of_one_key = wanted.things.windows(2).all(|pair| pair[0].has_key_of(&pair[1]));
        let ways = wanted.things.into_iter().map(|thing| {
            let label = match () {
                () if is_only_thing => "it".to_owned(),
                () if is_of_one_key => format!("value {}", thing.short_name()),
                () => thing.full_name(),
            };
            Way::new(thing, label, wanted.window.is_some())
        });
        let is_only_subject = wanted.operations.len() == 1 && !is_only_thing;
        let calls = wanted.operations.into_iter().map(|Followed { begin, named }| {
            let mark = if is_only_subject { String::new() } else { format!(" (operation {named})") };
            Call::new(begin, named, mark)
        });
        Self {
            origin: Origin::default(),
            ways: ways.collect(),
            calls: calls.collect(),
            conduct: wanted.node.map(Conduct::new),
            additions: wanted.counter_read.map(Additions::new),
            open: OpenRequests::default(),
            faults: BTreeMap::new(),
            is_within: wanted.window.is_none(),
            window: wanted.window,
            is_past: false,
        }
    }

    /// Opens and closes the window at its operations.
    fn observe_window(&mut self, record: &Record) {
        if let (Some((from, until)), Entry::UserRecord(bytes)) = (self.window, &record.entry)
            && let Ok(operation) = operation_record::decode(record.sequence, bytes)
        {
            self.is_within = (from..until).contains(&operation.index);
            self.is_past = operation.index >= until;
        }
    }

    /// Whether nothing that is still to come matters, so that the rest of a long journal need not be read.
    fn is_over(&self) -> bool {
        self.is_past && self.conduct.is_none() && !self.calls.iter().any(Call::is_under_way)
    }

    fn observe(&mut self, record: &Record) {
        let place = self.origin.place_of(record);
        let body = self.body_of(record);
        self.observe_faults(place, record);
        self.observe_window(record);
        let carried = body.as_ref().filter(|_| self.is_within);
        let copies: Vec<usize> =
            self.ways.iter_mut().map(|way| way.observe(place, record, carried)).collect();
        for call in &mut self.calls {
            call.observe(place, record, body.as_ref(), (&self.ways, &copies), &self.open);
        }
        if let (Entry::Sent { src, dest, .. }, Some(body)) = (&record.entry, &body) {
            self.open.observe(src, dest, body);
        }
        if let Some(conduct) = &mut self.conduct {
            conduct.observe(place, record);
        }
        if let Some(additions) = &mut self.additions {
            additions.observe(record);
        }
    }

    /// The body of a message that is sent, if anything here can be interested in it.
    fn body_of(&self, record: &Record) -> Option<Map<String, Value>> {
        let Entry::Sent { body, src, dest, .. } = &record.entry else { return None };
        let is_of_client = !self.calls.is_empty() && (src.is_client() || dest.is_client());
        let is_wanted = is_of_client
            || self.calls.iter().any(Call::is_under_way)
            || self.ways.iter().any(|way| way.wants(body));
        if !is_wanted {
            return None;
        }
        match serde_json::from_str(body) {
            Ok(Value::Object(body)) => Some(body),
            _ => None,
        }
    }

    fn observe_faults(&mut self, place: Place, record: &Record) {
        match &record.entry {
            Entry::RuleInstalled { rule, description } => {
                let description = excerpt(description.as_bytes(), 200);
                self.faults.insert(*rule, Fault { began: place, ended: None, description, matters: false });
            }
            Entry::RuleRemoved { rule } => match self.faults.get_mut(rule) {
                Some(fault) if fault.matters => fault.ended = Some(place),
                _ => drop(self.faults.remove(rule)),
            },
            Entry::Dropped {
                reason: DropReason::Partition | DropReason::Loss | DropReason::Rule(_), ..
            } => {
                let is_told = self.ways.iter().any(|way| way.is_lost_by(record))
                    || self.calls.iter().any(|call| call.is_lost_by(record));
                if is_told {
                    let under_way = self.faults.values_mut().filter(|fault| fault.ended.is_none());
                    under_way.for_each(|fault| fault.matters = true);
                }
            }
            _ => {}
        }
    }

    fn finish(self, subject: String) -> Trail {
        let told: BTreeSet<u64> = self.calls.iter().flat_map(Call::messages).collect();
        // How nodes came to their answers is told where the values that went around do not tell it.
        let with_exchange = self.ways.is_empty();
        let mut steps: Vec<Step> = self.calls.iter().flat_map(|call| call.steps(with_exchange)).collect();
        steps.extend(self.ways.iter().flat_map(|way| way.steps(&told)));
        steps.extend(self.fault_steps());
        let mut conclusions: Vec<String> =
            self.calls.iter().flat_map(|call| call.conclusions(&self.ways)).collect();
        conclusions.extend(self.ways.iter().flat_map(Way::conclusions));
        if conclusions.len() > MAX_CONCLUSIONS {
            let rest = conclusions.split_off(MAX_CONCLUSIONS - 1);
            conclusions.push(format!("… and {} more of this kind.", rest.len()));
        }
        conclusions.extend(self.additions.iter().flat_map(Additions::conclusions));
        let mut left_out = self.ways.iter().map(Way::left_out).sum::<u64>();
        left_out += self.calls.iter().map(Call::left_out).sum::<u64>();
        if let Some(conduct) = self.conduct {
            conclusions.extend(conduct.conclusions());
            steps.extend(conduct.into_steps());
        }
        steps.sort_by_key(|step| step.sequence);
        left_out += shorten(&mut steps);
        Trail { subject, steps, left_out, conclusions }
    }

    fn fault_steps(&self) -> Vec<Step> {
        let faults = self.faults.values().filter(|fault| fault.matters).take(MAX_FAULTS);
        faults
            .flat_map(|Fault { began, ended, description, .. }| {
                let step = |place: Place, text| place.step(Vec::new(), Vec::new(), text);
                let end = ended.map(|place| step(place, format!("the fault ends: {description}")));
                [Some(step(*began, format!("a fault begins: {description}"))), end]
            })
            .flatten()
            .collect()
    }
}

/// Leaves out what is too much: first what matters less, then the middle. How many steps that were.
fn shorten(steps: &mut Vec<Step>) -> u64 {
    let mut excess = steps.len().saturating_sub(MAX_STEPS);
    let left_out = excess as u64;
    for place in (0..steps.len()).rev() {
        if excess > 0 && steps[place].is_minor {
            steps.remove(place);
            excess -= 1;
        }
    }
    if excess > 0 {
        steps.drain(MAX_STEPS / 2..MAX_STEPS / 2 + excess);
    }
    left_out
}

#[cfg(test)]
mod tests {
    use glomers_node::Time;

    use super::*;

    #[test]
    fn a_long_trail_leaves_out_what_matters_less_and_then_its_middle() {
        let step = |number: u64| {
            let place = Place { sequence: number, time: Time::from_ns(number) };
            let step = place.step(Vec::new(), Vec::new(), format!("step {number}"));
            if number.is_multiple_of(10) { step.minor() } else { step }
        };
        let mut steps: Vec<Step> = (0..100).map(step).collect();
        assert_eq!(shorten(&mut steps), 76);
        assert!(steps.len() == MAX_STEPS && steps.iter().all(|step| !step.is_minor));
        assert_eq!((steps[0].text.as_str(), steps[MAX_STEPS - 1].text.as_str()), ("step 1", "step 99"));
        let mut few = vec![step(0), step(1)];
        assert_eq!((shorten(&mut few), few.len()), (0, 2));
    }
}
