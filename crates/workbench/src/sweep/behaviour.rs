//! What a run did, as a set of features, and how much more there may be.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    hash::{Hash, Hasher},
    rc::Rc,
};

use glomers_protocol::{Header, NodeId, RawValue};
use glomers_world::{MessageEnd, MessageEvent, World};
use rustc_hash::{FxHashMap, FxHasher};
use serde::{Deserialize, Serialize};

use crate::text::{count, grouped};

/// The features of a run, each as a hash: three kinds of messages that one node sent or received in direct succession. It does not matter
/// which node it was, nor when. A restart shows as the `init` between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Behaviour {
    features: BTreeSet<u64>,
}

/// What a watched world has shown so far.
#[derive(Debug, Clone, Default)]
pub struct BehaviourHandle(Rc<RefCell<Observer>>);

#[derive(Debug, Default)]
struct Observer {
    features: BTreeSet<u64>,
    /// The last two messages of each node, as hashes of direction and type.
    recent: FxHashMap<NodeId, [u64; 2]>,
}

impl Behaviour {
    /// Watches a world from now on.
    pub fn watch(world: &mut World) -> BehaviourHandle {
        let handle = BehaviourHandle::default();
        let observer = Rc::clone(&handle.0);
        world.watch(move |event| observer.borrow_mut().observe(event));
        handle
    }

    /// How many features.
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.features.is_empty()
    }
}

impl BehaviourHandle {
    /// The features so far; they start anew.
    pub fn take(&self) -> Behaviour {
        Behaviour { features: std::mem::take(&mut self.0.borrow_mut().features) }
    }
}

impl Observer {
    fn observe(&mut self, event: &MessageEvent<'_>) {
        let node = match event.end {
            MessageEnd::Sent => event.src,
            MessageEnd::Delivered => event.dest,
        };
        if node.is_client()
            || glomers_world::services::ALL.iter().any(|service| service.name == node.as_str())
        {
            return;
        }
        let Ok(body) = serde_json::from_str::<&RawValue>(event.body) else { return };
        let Ok(header) = Header::parse(body) else { return };
        let kind = hash(&(event.end == MessageEnd::Sent, header.kind.as_bytes()));
        // Looked up first: a node's name is copied once.
        let recent = match self.recent.get_mut(node) {
            Some(recent) => recent,
            None => self.recent.entry(node.clone()).or_default(),
        };
        self.features.insert(hash(&(recent[0], recent[1], kind)));
        *recent = [recent[1], kind];
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// How much of what nodes can do a sweep has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// How many runs there were.
    pub runs: u64,
    /// How many different features they had.
    pub features: u64,
    /// How many of these only one run had.
    pub seen_once: u64,
    /// How many features were new in the last tenth of the runs.
    pub new_in_last_tenth: u64,
}

impl Coverage {
    /// Over these runs, in order.
    pub(super) fn of<'a>(runs: impl ExactSizeIterator<Item = &'a Behaviour>) -> Self {
        let run_count = runs.len();
        let last_tenth = run_count - run_count.div_ceil(10);
        let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
        let mut new_in_last_tenth = 0;
        for (number, run) in runs.enumerate() {
            for feature in &run.features {
                let count = seen.entry(*feature).or_default();
                *count += 1;
                new_in_last_tenth += u64::from(*count == 1 && number >= last_tenth);
            }
        }
        Self {
            runs: run_count as u64,
            features: seen.len() as u64,
            seen_once: seen.values().filter(|count| **count == 1).count() as u64,
            new_in_last_tenth,
        }
    }

    /// How many more runs the next new feature takes, as Good and Turing estimate it ("The Population Frequencies of Species and the Estimation
    /// of Population Parameters", 1953): the share of features that a run shows for the first time is that of those seen once. None where
    /// nothing was seen only once, so that the estimate says no more than "more than there were".
    pub fn runs_to_next_new(&self) -> Option<u64> {
        self.runs.checked_div(self.seen_once).map(|runs| runs.max(1))
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, features, new_in_last_tenth, .. } = self;
        if *runs == 0 {
            return Ok(());
        }
        writeln!(
            formatter,
            "{} of behaviour seen (three messages in a row at a node), {} of them new in the last tenth of the runs.",
            count(*features, "kind"),
            grouped(*new_in_last_tenth)
        )?;
        match self.runs_to_next_new() {
            Some(1) => {
                writeln!(formatter, "Nearly every run still shows something new: try many more seeds.")
            }
            Some(more) => {
                writeln!(formatter, "The next new one is expected after about {}.", count(more, "more seed"))
            }
            None => writeln!(
                formatter,
                "Every one was seen in at least two runs: more seeds of this test will hardly show new behaviour."
            ),
        }
    }
}
