//! The lists that reads saw, stored once each: a list that grew is a prefix of its later self.

use std::collections::BTreeMap;

use crate::txn::interner::{ElementId, Interner, KeyId, NO_ELEMENT};
use crate::txn::transactions::{Action, DataType, MicroOperation};
use crate::{Mode, Value};

/// A list that a read saw: the first elements of one of its key's branches. Equal lists have equal prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Prefix {
    pub(crate) branch: u32,
    pub(crate) length: u32,
}

/// How many branches of a key a list is compared with. Beyond them every list is a branch of its own: the history is invalid
/// anyway, and a node that makes lists up costs no more than their size.
const COMPARED_BRANCHES: usize = 64;

/// The empty list.
const EMPTY: Prefix = Prefix { branch: 0, length: 0 };

/// A read of nil, which upstream does not take for an empty list.
const NIL: Prefix = Prefix { branch: u32::MAX, length: 0 };

/// Every list read, by key.
pub(crate) struct Lists {
    /// For each key the longest lists, none of the first a prefix of another. In a correct history each key has at most one.
    branches: Vec<Vec<Vec<ElementId>>>,
    mode: Mode,
}

/// What a transaction must read after its own earlier steps.
pub(super) struct Expectation {
    /// The list that it last read, if it did.
    base: Option<Vec<ElementId>>,
    appended: Vec<ElementId>,
}

impl Lists {
    pub(super) fn new(mode: Mode) -> Self {
        Self { branches: Vec::new(), mode }
    }

    pub(super) fn elements(&self, key: KeyId, prefix: Prefix) -> &[ElementId] {
        let branch =
            self.branches.get(key as usize).and_then(|branches| branches.get(prefix.branch as usize));
        branch.map_or(&[], |branch| &branch[..prefix.length as usize])
    }

    /// The longest list of a key; of several equally long ones, the first that was read.
    pub(super) fn longest(&self, key: KeyId) -> &[ElementId] {
        let branches = self.branches.get(key as usize).map_or([].as_slice(), Vec::as_slice);
        let longest = branches
            .iter()
            .enumerate()
            .max_by_key(|(place, branch)| (branch.len(), std::cmp::Reverse(*place)));
        longest.map_or(&[], |(_, branch)| branch)
    }

    /// For each branch that holds such elements, their positions.
    pub(super) fn marked(
        &self,
        which: impl Fn(ElementId) -> bool,
    ) -> BTreeMap<(KeyId, u32), Vec<(u32, ElementId)>> {
        let mut marked: BTreeMap<(KeyId, u32), Vec<(u32, ElementId)>> = BTreeMap::new();
        for (key, number, branch) in self.all() {
            for (position, &element) in branch.iter().enumerate() {
                if which(element) {
                    marked.entry((key, number)).or_default().push((position as u32, element));
                }
            }
        }
        marked
    }

    /// For each branch that holds an element twice, the position of the first such repetition.
    pub(super) fn duplicates(&self, element_count: usize) -> BTreeMap<(KeyId, u32), u32> {
        let mut seen_in = vec![0_u32; element_count];
        let mut duplicates = BTreeMap::new();
        for (round, (key, number, branch)) in (1..).zip(self.all()) {
            for (position, &element) in branch.iter().enumerate() {
                if std::mem::replace(&mut seen_in[element as usize], round) == round {
                    duplicates.entry((key, number)).or_insert(position as u32);
                }
            }
        }
        duplicates
    }

    /// For each key with more than one branch, the two shortest.
    pub(super) fn incompatible(&self) -> Vec<(KeyId, u32, u32)> {
        let mut pairs = Vec::new();
        for (key, branches) in self.branches.iter().enumerate().filter(|(_, branches)| branches.len() > 1) {
            let mut by_length: Vec<u32> = (0..branches.len() as u32).collect();
            by_length.sort_by_key(|&branch| branches[branch as usize].len());
            pairs.push((key as KeyId, by_length[0], by_length[1]));
        }
        pairs
    }

    /// The elements of a branch.
    pub(super) fn branch(&self, key: KeyId, branch: u32) -> &[ElementId] {
        &self.branches[key as usize][branch as usize]
    }

    /// What a read must see after these steps; none if they say nothing about its key.
    pub(super) fn expectation(&self, earlier: &[MicroOperation<Prefix>], key: KeyId) -> Option<Expectation> {
        let of_key = || earlier.iter().enumerate().filter(|(_, step)| step.key == key);
        let mut read = of_key().filter_map(|(position, step)| match step.action {
            Action::Read(prefix) => Some((position, prefix)),
            Action::ReadUnknown | Action::Write(_) => None,
        });
        let read = read.next_back();
        let after = read.map_or(0, |(position, _)| position);
        let appended: Vec<ElementId> = of_key()
            .filter_map(|(position, step)| match step.action {
                Action::Write(element) if position >= after => Some(element),
                _ => None,
            })
            .collect();
        // Upstream expects nothing of a read after one of nil alone, but counts appends from there on.
        let says_nothing = |prefix: Prefix| prefix == NIL && appended.is_empty();
        let base = read
            .filter(|&(_, prefix)| !says_nothing(prefix))
            .map(|(_, prefix)| self.elements(key, prefix).to_vec());
        (base.is_some() || !appended.is_empty()).then_some(Expectation { base, appended })
    }

    /// Whether a read is as expected.
    pub(super) fn meets(&self, key: KeyId, read: Prefix, expected: &Expectation) -> bool {
        let seen = self.elements(key, read);
        let Some(base) = &expected.base else { return seen.ends_with(&expected.appended) };
        read != NIL
            && seen.len() == base.len() + expected.appended.len()
            && seen.starts_with(base)
            && seen.ends_with(&expected.appended)
    }

    fn all(&self) -> impl Iterator<Item = (KeyId, u32, &[ElementId])> {
        self.branches.iter().enumerate().flat_map(|(key, branches)| {
            branches
                .iter()
                .enumerate()
                .map(move |(number, branch)| (key as KeyId, number as u32, branch.as_slice()))
        })
    }
}

impl Expectation {
    /// The expected list; where only its end is known, it begins with an ellipsis.
    pub(super) fn value(&self, interner: &Interner) -> Value {
        let unknown = self.base.is_none().then(|| Value::Symbol("...".into()));
        let base = self.base.iter().flatten();
        Value::Vector(
            unknown
                .into_iter()
                .chain(base.chain(&self.appended).map(|&element| interner.element_value(element)))
                .collect(),
        )
    }
}

impl DataType for Lists {
    type Observed = Prefix;
    const WRITE: &'static str = "append";
    const IS_LIST: bool = true;

    fn is_observable(value: &Value) -> bool {
        value.is_nil() || value.as_sequence().is_some()
    }

    fn observe(&mut self, interner: &mut Interner, key: KeyId, value: &Value) -> Prefix {
        let Some(list) = value.as_sequence() else {
            return if self.mode == Mode::Compat { NIL } else { EMPTY };
        };
        if list.is_empty() {
            return EMPTY;
        }
        if self.branches.len() <= key as usize {
            self.branches.resize_with(key as usize + 1, Vec::new);
        }
        let branches = &mut self.branches[key as usize];
        for (number, branch) in branches.iter_mut().enumerate().take(COMPARED_BRANCHES) {
            if branch.iter().zip(list).all(|(&element, value)| interner.is(element, value)) {
                let known = branch.len().min(list.len());
                branch.extend(list[known..].iter().map(|value| interner.element(key, value)));
                return Prefix { branch: number as u32, length: list.len() as u32 };
            }
        }
        branches.push(list.iter().map(|value| interner.element(key, value)).collect());
        Prefix { branch: branches.len() as u32 - 1, length: list.len() as u32 }
    }

    fn value(&self, interner: &Interner, key: KeyId, observed: Prefix) -> Value {
        if observed == NIL {
            return Value::Nil;
        }
        Value::Vector(
            self.elements(key, observed).iter().map(|&element| interner.element_value(element)).collect(),
        )
    }
}

/// The elements without those that stood earlier in the list.
pub(super) fn distinct(list: &[ElementId], position_of: &mut [u32]) -> Vec<ElementId> {
    let mut distinct = Vec::with_capacity(list.len());
    for &element in list {
        let position = &mut position_of[element as usize];
        if *position == NO_ELEMENT {
            *position = distinct.len() as u32;
            distinct.push(element);
        }
    }
    distinct
}
