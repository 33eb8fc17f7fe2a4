//! Who takes part.

use std::collections::BTreeMap;

use glomers_node::NodeId;
use serde::{Deserialize, Serialize};

/// One life of a node: its name, and the random number that it drew when it started. Two lives of one name are
/// two members, as different as two nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The node.
    pub name: NodeId,
    /// Which of its lives; below 2^53, so that every JSON reader keeps it whole.
    pub incarnation: u64,
}

/// The members whose votes and acknowledgements count, at most one life of each name.
///
/// It changes by one member at a time, so that every majority of the old members and every majority of the new ones
/// have a member in common (Ongaro 2014, §4.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Membership {
    incarnations: BTreeMap<NodeId, u64>,
}

impl Membership {
    /// Whether this life is one of them.
    pub fn contains(&self, member: &Member) -> bool {
        self.incarnation(&member.name) == Some(member.incarnation)
    }

    /// Which life of a node is a member.
    pub fn incarnation(&self, name: &NodeId) -> Option<u64> {
        self.incarnations.get(name).copied()
    }

    /// The members, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeId, u64)> {
        self.incarnations.iter().map(|(name, incarnation)| (name, *incarnation))
    }

    /// How many members are more than half of them.
    pub fn majority(&self) -> usize {
        self.incarnations.len() / 2 + 1
    }

    /// The highest value that a majority has reached, where each member has reached what `reached` says.
    ///
    /// # Panics
    /// When there are no members.
    pub fn reached_by_majority<T: Ord>(&self, reached: impl Fn(&NodeId) -> T) -> T {
        let mut values: Vec<T> = self.incarnations.keys().map(reached).collect();
        values.sort_unstable();
        values.swap_remove(values.len() - self.majority())
    }

    /// The same members and one more.
    #[must_use]
    pub fn with(&self, member: Member) -> Self {
        let mut with = self.clone();
        with.incarnations.insert(member.name, member.incarnation);
        with
    }

    /// The same members but those of this name.
    #[must_use]
    pub fn without(&self, name: &NodeId) -> Self {
        let mut without = self.clone();
        without.incarnations.remove(name);
        without
    }
}

impl FromIterator<Member> for Membership {
    fn from_iter<I: IntoIterator<Item = Member>>(members: I) -> Self {
        Self { incarnations: members.into_iter().map(|member| (member.name, member.incarnation)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(count: usize) -> Membership {
        (0..count).map(|number| Member { name: format!("n{number}").into(), incarnation: 0 }).collect()
    }

    #[test]
    fn a_majority_is_more_than_half() {
        assert_eq!([1, 2, 3, 4, 5].map(|count| members(count).majority()), [1, 2, 2, 3, 3]);
    }

    #[test]
    fn a_majority_has_reached_the_middle_or_less() {
        let reached =
            |count| members(count).reached_by_majority(|name| name.as_str()[1..].parse::<u64>().unwrap());
        assert_eq!([1, 2, 3, 4, 5].map(reached), [0, 0, 1, 1, 2]);
    }

    #[test]
    fn majorities_before_and_after_a_change_meet() {
        for count in 2..=7 {
            let (before, after) = (members(count), members(count - 1));
            // Two sets of this many, drawn from `count` members, cannot miss each other.
            assert!(before.majority() + after.majority() > count);
        }
    }
}
