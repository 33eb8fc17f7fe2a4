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

impl Resolved {
    /// Finds every read's writer: `O(steps)`, expected.
    pub(super) fn new(sessions: &Sessions) -> Result<Self, Violation> {
        let mut key_numbers: FxHashMap<u64, u32> = FxHashMap::default();
        let mut writers: FxHashMap<(u32, u64), (u32, bool)> = FxHashMap::default();
        let count = sessions.transactions.len();
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
            let steps = sessions.transaction_steps(transaction);
            let first = resolved.writes.len();
            for (position, step) in steps.iter().enumerate() {
                let Step::Write { key, value } = *step else { continue };
                let next = key_numbers.len() as u32;
                let number = *key_numbers.entry(key).or_insert(next);
                let is_final = !steps[position + 1..]
                    .iter()
                    .any(|later| matches!(later, Step::Write { key: other, .. } if *other == key));
                writers.insert((number, value), (vertex, is_final));
                if is_final {
                    resolved.writes.push(number);
                }
            }
            resolved.writes[first..].sort_unstable();
            resolved.write_offsets.push(resolved.writes.len() as u32);
        }
        let mut session = 0;
        let mut place = 0;
        for transaction in 0..count {
            while sessions.sessions.get(session).is_some_and(|&start| start <= transaction) {
                session += 1;
                place = 0;
            }
            place += 1;
            resolved.places.push((session as u32 - 1, place));
            resolved.resolve_reads(
                sessions.transaction_steps(transaction),
                transaction,
                &mut key_numbers,
                &writers,
            )?;
            resolved.read_offsets.push(resolved.reads.len() as u32);
        }
        resolved.key_count = key_numbers.len();
        Ok(resolved)
    }

    fn resolve_reads(
        &mut self,
        steps: &[Step],
        transaction: usize,
        key_numbers: &mut FxHashMap<u64, u32>,
        writers: &FxHashMap<(u32, u64), (u32, bool)>,
    ) -> Result<(), Violation> {
        let vertex = transaction as u32 + 1;
        for (position, step) in steps.iter().enumerate() {
            let Step::Read { key, value } = *step else { continue };
            let own = steps[..position].iter().rev().find_map(|earlier| match *earlier {
                Step::Write { key: other, value } if other == key => Some(value),
                _ => None,
            });
            let next = key_numbers.len() as u32;
            let number = *key_numbers.entry(key).or_insert(next);
            let writer = match (own, value) {
                (Some(own), value) if value == Some(own) => continue,
                (Some(_), _) => None,
                (None, None) => Some(INITIAL),
                (None, Some(value)) => {
                    let writer = writers.get(&(number, value)).copied();
                    writer
                        .filter(|&(writer, is_final)| is_final && writer != vertex)
                        .map(|(writer, _)| writer)
                }
            };
            let Some(writer) = writer else { return Err(Violation::Read { transaction, key }) };
            self.reads.push((number, writer));
        }
        Ok(())
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
