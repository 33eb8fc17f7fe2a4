//! `lww-kv`: registers where the last writer wins, in the end.
//!
//! Two replicas answer, each with a Lamport clock of its own. Before every operation one replica, drawn at random, is merged into
//! another; then a third draw says which replica carries the operation out. The later time stamp wins a merge, and two writes with the
//! same stamp are told apart by who is merged into whom: which of them "wins" may differ from place to place, and be undone.

use std::array;
use std::collections::BTreeSet;

use glomers_node::{Json, NodeId, Random, RpcError};

use super::Definition;
use super::key_value::{self, Action, Key, Operation, Store, Values, Weigh};

pub(crate) const DEFINITION: Definition = Definition {
    name: "lww-kv",
    doc: "a key-value store where the last writer wins in the end, and until then replicas disagree",
    build: |options, id| key_value::serve(options, id, LwwKv::default()),
};

const REPLICA_COUNT: usize = 2;

#[derive(Default)]
pub(super) struct LwwKv {
    replicas: [Replica; REPLICA_COUNT],
    /// The keys on which the replicas may disagree: a merge looks at no other.
    disputed: BTreeSet<Key>,
}

#[derive(Default)]
struct Replica {
    /// The time stamp of the next write.
    clock: u64,
    values: Values<Stamped>,
}

#[derive(Clone, PartialEq)]
struct Stamped {
    time_stamp: u64,
    value: Json,
}

impl Weigh for Stamped {
    fn weigh(&self) -> usize {
        self.value.weigh() + size_of::<u64>()
    }
}

impl LwwKv {
    /// Brings one replica what another knows.
    fn merge(&mut self, source: usize, dest: usize) {
        let Ok([source, dest]) = self.replicas.get_disjoint_mut([source, dest]) else { return };
        dest.clock = dest.clock.max(source.clock);
        for key in &self.disputed {
            let Some(known) = source.values.get(key) else { continue };
            // Equal stamps are won by the source.
            if dest.values.get(key).is_none_or(|present| present.time_stamp <= known.time_stamp) {
                dest.values.insert(key.clone(), known.clone());
            }
        }
        let [first, others @ ..] = &self.replicas;
        self.disputed.retain(|key| others.iter().any(|other| other.values.get(key) != first.values.get(key)));
    }
}

impl Store for LwwKv {
    fn apply(&mut self, _: &NodeId, operation: &Operation, random: &mut Random) -> Result<Json, RpcError> {
        let [source, dest, place] = array::from_fn(|_| random.below(REPLICA_COUNT as u64) as usize);
        self.merge(source, dest);
        let replica = &mut self.replicas[place];
        let current = replica.values.get(&operation.key).map(|stamped| &stamped.value);
        let afterwards = match (&operation.action, current) {
            // This store creates no key for a compare-and-set, whatever that asks for.
            (Action::CompareAndSet { .. }, None) => return Err(operation.missing_key()),
            (_, current) => operation.act_on(current)?,
        };
        if operation.action != Action::Read {
            let stamped = Stamped { time_stamp: replica.clock, value: afterwards.clone() };
            replica.values.admit(&operation.key, &stamped)?;
            replica.clock += 1;
            replica.values.insert(operation.key.clone(), stamped);
            self.disputed.insert(operation.key.clone());
        }
        Ok(afterwards)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::key_value::testing::{Harness, cas, cas_or_create, read, write};
    use super::*;

    #[test]
    fn replicas_disagree_and_agree_in_the_end() {
        let mut has_disagreed = false;
        for seed in 0..20 {
            let mut store = Harness::new(LwwKv::default(), seed);
            store.apply("n0", &write("x", 1)).expect("a write always succeeds");
            store.apply("n0", &write("x", 2)).expect("a write always succeeds");
            let answers: Vec<_> = (0..100).map(|_| store.apply("n0", &read("x"))).collect();
            has_disagreed |= answers[..5].iter().collect::<BTreeSet<_>>().len() > 1;
            assert!(answers[50..].iter().all(|answer| *answer == answers[50]), "seed {seed}: {answers:?}");
            assert!(store.store.disputed.is_empty());
        }
        assert!(has_disagreed);
    }

    #[test]
    fn an_acknowledged_write_can_be_lost_to_an_earlier_one() {
        let survivor = |seed| {
            let mut store = Harness::new(LwwKv::default(), seed);
            for value in 1..=2 {
                store.apply("n0", &write("x", value)).expect("a write always succeeds");
            }
            (0..50).map(|_| store.apply("n0", &read("x"))).last()
        };
        let survivors: BTreeSet<_> = (0..50).map(survivor).collect();
        assert_eq!(survivors, BTreeSet::from([Some(Ok(1)), Some(Ok(2))]));
    }

    #[test]
    fn a_compare_and_set_never_creates() {
        let mut store = Harness::new(LwwKv::default(), 0);
        for _ in 0..20 {
            assert_eq!(store.apply("n0", &cas_or_create("x", 0, 1)), Err(20));
        }
        store.apply("n0", &write("x", 1)).expect("a write always succeeds");
        let answers: BTreeSet<_> = (0..50).map(|_| store.apply("n0", &cas("x", 5, 6))).collect();
        assert!(answers.contains(&Err(22)), "{answers:?}");
    }

    /// The store with a merge of all keys before every operation.
    #[test]
    fn merging_the_disputed_keys_alone_is_merging_all() {
        let mut random = Random::derive(3, "operations");
        let mut quick = Harness::new(LwwKv::default(), 9);
        let mut thorough = Harness::new(LwwKv::default(), 9);
        for step in 0..2_000 {
            let key = ["x", "y", "z"][random.below(3) as usize];
            let operation = match random.below(3) {
                0 => read(key),
                1 => write(key, random.below(4)),
                _ => cas(key, random.below(4), random.below(4)),
            };
            thorough.store.disputed =
                thorough.store.replicas.iter().flat_map(|replica| replica.values.keys().cloned()).collect();
            assert_eq!(quick.apply("n0", &operation), thorough.apply("n0", &operation), "step {step}");
        }
    }
}
