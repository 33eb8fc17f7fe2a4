//! Which nodes a fault affects: drawn each time from the kinds that an option allows.

use glomers_check::Value;
use glomers_node::Random;
use glomers_protocol::NodeId;

use super::{Draw, Drawn, fault::Fault};
use crate::plan::settings::{Setting, Settings};

/// Some of the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Any of them, at least one.
    Some,
    /// One.
    One,
    /// As many as are less than a third of all. With three nodes or fewer that is none.
    MinorityThird,
    /// All but the smallest majority.
    Minority,
    /// The smallest majority.
    Majority,
    /// All.
    All,
}

impl Target {
    /// All kinds, as options spell them.
    pub(super) const WORDS: &[&str] = &["some", "one", "minority-third", "minority", "majority", "all"];
    const ALL: [Self; 6] =
        [Self::Some, Self::One, Self::MinorityThird, Self::Minority, Self::Majority, Self::All];

    /// The kinds that a setting names.
    pub(super) fn of(settings: &Settings, setting: &Setting) -> Vec<Self> {
        let kinds = Self::WORDS.iter().zip(Self::ALL);
        let allowed = settings.words(setting);
        kinds.filter(|(word, _)| allowed.contains(word)).map(|(_, kind)| kind).collect()
    }

    /// Draws a kind, and then the nodes, as places in ascending order. The draws depend on nothing but the number of nodes.
    pub(super) fn draw(kinds: &[Self], node_count: usize, random: &mut Random) -> (Self, Vec<usize>) {
        let kind = *random.choose(kinds).expect("an option that names kinds names at least one");
        let mut places: Vec<usize> = (0..node_count).collect();
        random.shuffle(&mut places);
        places.truncate(kind.size(node_count, random));
        places.sort_unstable();
        (kind, places)
    }

    /// Draws what happens to some nodes.
    pub(super) fn draw_struck(
        settings: &Settings,
        setting: &Setting,
        fault: fn(Vec<NodeId>) -> Fault,
    ) -> Draw {
        let kinds = Self::of(settings, setting);
        Box::new(move |nodes, random| {
            let (kind, places) = Self::draw(&kinds, nodes.len(), random);
            let struck = places.into_iter().map(|place| nodes[place].clone()).collect();
            Drawn { fault: fault(struck), asked: kind.to_value() }
        })
    }

    fn size(self, node_count: usize, random: &mut Random) -> usize {
        match self {
            _ if node_count == 0 => 0,
            Self::Some => 1 + random.below(node_count as u64) as usize,
            Self::One => 1,
            Self::MinorityThird => (node_count - 1) / 3,
            Self::Minority => node_count / 2,
            Self::Majority => node_count / 2 + 1,
            Self::All => node_count,
        }
    }

    /// As the history shows it: `Some` is nil.
    pub(super) fn to_value(self) -> Value {
        let word = Self::ALL.iter().position(|kind| *kind == self).map(|place| Self::WORDS[place]);
        match (self, word) {
            (Self::Some, _) | (_, None) => Value::Nil,
            (_, Some(word)) => Value::keyword(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn sizes(kind: Target, node_count: usize) -> BTreeSet<usize> {
        let mut random = Random::derive(1, "targets");
        (0..200).map(|_| Target::draw(&[kind], node_count, &mut random).1.len()).collect()
    }

    #[test]
    fn a_kind_strikes_as_many_nodes_as_its_name_says() {
        for (node_count, third, minority, majority) in
            [(1, 0, 0, 1), (3, 0, 1, 2), (5, 1, 2, 3), (7, 2, 3, 4)]
        {
            assert_eq!(sizes(Target::One, node_count), BTreeSet::from([1]));
            assert_eq!(sizes(Target::MinorityThird, node_count), BTreeSet::from([third]));
            assert_eq!(sizes(Target::Minority, node_count), BTreeSet::from([minority]));
            assert_eq!(sizes(Target::Majority, node_count), BTreeSet::from([majority]));
            assert_eq!(sizes(Target::All, node_count), BTreeSet::from([node_count]));
            assert_eq!(sizes(Target::Some, node_count), (1..=node_count).collect());
        }
    }

    #[test]
    fn every_node_is_struck_sooner_or_later() {
        let mut random = Random::derive(2, "targets");
        let struck: BTreeSet<usize> =
            (0..100).flat_map(|_| Target::draw(&[Target::One], 5, &mut random).1).collect();
        assert_eq!(struck, (0..5).collect());
    }

    #[test]
    fn words_and_kinds_stand_in_one_order() {
        let words: Vec<String> = Target::ALL[1..].iter().map(|kind| kind.to_value().to_string()).collect();
        assert_eq!(words, Target::WORDS[1..].iter().map(|word| format!(":{word}")).collect::<Vec<_>>());
        assert_eq!(Target::Some.to_value(), Value::Nil);
    }
}
