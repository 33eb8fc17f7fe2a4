//! Sessions in which every read knows its writer.

use rustc_hash::FxHashMap;

use super::{Sessions, Step, Violation};

/// The vertex of the state before all transactions: it wrote every key that was read as unwritten.
pub(super) const INITIAL: u32 = 0;

/// Transactions as vertices, counted from 1, with what they read of others and what they wrote.
pub(super) struct Resolved {
    /// For each vertex, its session and its place in it, from 1.
    pub(super) places: Vec<(u32, u32)>,
    pub(super) session_count: usize,
    pub(super) key_count: usize,
    read_offsets: Vec<u32>,
    /// Reads of others' writes in the order of the transaction's steps: key and writer.
    reads: Vec<(u32, u32)>,
    write_offsets: Vec<u32>,
    /// The keys that a transaction wrote, sorted.
    writes: Vec<u32>,
}

/// A write of a version: by which vertex, and whether it is that transaction's last to the key.
#[derive(Clone, Copy)]
struct Writer {
    vertex: u32,
    is_final: bool,
}

/// What is the same for all transactions while reads are resolved.
struct Resolving {
    key_numbers: FxHashMap<u64, u32>,
    writers: FxHashMap<(u32, u64), Writer>,
    /// For each key, the transaction that last wrote it among those walked, and the value.
    own: Vec<(u32, u64)>,
}

impl Resolving {
    fn key(&mut self, key: u64) -> u32 {
        let next = self.key_numbers.len() as u32;
        let number = *self.key_numbers.entry(key).or_insert(next);
        if number == next {
            self.own.push((INITIAL, 0));
        }
        number
    }
}

impl Resolved {
    /// Finds every read's writer: `O(steps)`, expected. Also returns the first read that is wrong whatever the order: of
    /// what nobody wrote, what its writer overwrote, what the transaction wrote only later or, unless `own_may_differ`,
    /// of something else than the transaction had just written. Such reads are left out, but for the last.
    pub(super) fn new(sessions: &Sessions, own_may_differ: bool) -> (Self, Option<Violation>) {
        let count = sessions.transactions.len();
        let mut resolving =
            Resolving { key_numbers: FxHashMap::default(), writers: FxHashMap::default(), own: Vec::new() };
        let mut resolved = Self {
            places: vec![(u32::MAX, 0)],
            session_count: sessions.sessions.len(),
            key_count: 0,
            read_offsets: vec![0, 0],
            reads: Vec::new(),
            write_offsets: vec![0, 0],
            writes: Vec::new(),
        };
        for transaction in 0..count {
            let vertex = transaction as u32 + 1;
            let first = resolved.writes.len();
            for step in sessions.transaction_steps(transaction).iter().rev() {
                let Step::Write { key, value } = *step else { continue };
                let key = resolving.key(key);
                // Backwards, the first write to a key that is met is the last.
                let (last, _) = std::mem::replace(&mut resolving.own[key as usize], (vertex, value));
                let is_final = last != vertex;
                resolving.writers.insert((key, value), Writer { vertex, is_final });
                if is_final {
                    resolved.writes.push(key);
                }
            }
            resolved.writes[first..].sort_unstable();
            resolved.write_offsets.push(resolved.writes.len() as u32);
        }
        resolving.own.fill((INITIAL, 0));
        let mut wrong = None;
        let (mut session, mut place) = (0, 0);
        for transaction in 0..count {
            while sessions.sessions.get(session).is_some_and(|&start| start <= transaction) {
                session += 1;
                place = 0;
            }
            place += 1;
            resolved.places.push((session as u32 - 1, place));
            for step in sessions.transaction_steps(transaction) {
                let wrong_key = resolved.take(step, transaction as u32 + 1, &mut resolving, own_may_differ);
                if let (Some(key), None) = (wrong_key, &wrong) {
                    wrong = Some(Violation::Read { transaction, key });
                }
            }
            resolved.read_offsets.push(resolved.reads.len() as u32);
        }
        resolved.key_count = resolving.key_numbers.len();
        (resolved, wrong)
    }

    /// Takes in a step of a transaction, and returns the key if it is a read that is wrong.
    fn take(
        &mut self,
        step: &Step,
        vertex: u32,
        resolving: &mut Resolving,
        own_may_differ: bool,
    ) -> Option<u64> {
        let (key, value) = match *step {
            Step::Write { key, value } => {
                let number = resolving.key(key);
                resolving.own[number as usize] = (vertex, value);
                return None;
            }
            Step::Read { key, value } => (key, value),
        };
        let number = resolving.key(key);
        let (owner, own) = resolving.own[number as usize];
        let has_written = owner == vertex;
        if has_written && value == Some(own) {
            return None;
        }
        let writer = match value {
            None => Some(INITIAL),
            Some(value) => {
                let writer = resolving.writers.get(&(number, value));
                writer.filter(|writer| writer.is_final && writer.vertex != vertex).map(|writer| writer.vertex)
            }
        };
        self.reads.extend(writer.map(|writer| (number, writer)));
        (writer.is_none() || has_written && !own_may_differ).then_some(key)
    }

    pub(super) fn vertex_count(&self) -> usize {
        self.places.len()
    }

    /// Every transaction's vertex, session by session in each session's order.
    pub(super) fn vertices(&self) -> std::ops::Range<u32> {
        1..self.places.len() as u32
    }

    /// The transaction that a vertex stands for.
    pub(super) fn transaction(&self, vertex: u32) -> Option<usize> {
        (vertex != INITIAL).then(|| vertex as usize - 1)
    }

    pub(super) fn reads(&self, vertex: u32) -> &[(u32, u32)] {
        &self.reads
            [self.read_offsets[vertex as usize] as usize..self.read_offsets[vertex as usize + 1] as usize]
    }

    pub(super) fn writes(&self, vertex: u32) -> &[u32] {
        &self.writes
            [self.write_offsets[vertex as usize] as usize..self.write_offsets[vertex as usize + 1] as usize]
    }

    /// The transaction before this one in its session.
    pub(super) fn predecessor(&self, vertex: u32) -> u32 {
        if self.places[vertex as usize].1 == 1 { INITIAL } else { vertex - 1 }
    }

    /// Each read, from its writer.
    pub(super) fn reads_from(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.vertices().flat_map(|vertex| self.reads(vertex).iter().map(move |&(_, writer)| (writer, vertex)))
    }

    /// Session order and reads.
    pub(super) fn happens_before(&self) -> Vec<(u32, u32)> {
        let mut order = Vec::with_capacity(self.places.len() + self.reads.len());
        for vertex in self.vertices() {
            order.push((self.predecessor(vertex), vertex));
            order.extend(self.reads(vertex).iter().map(|&(_, writer)| (writer, vertex)));
        }
        order
    }
}
