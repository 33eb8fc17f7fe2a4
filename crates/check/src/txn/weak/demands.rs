//! What monotonic atomic view and read atomic demand of the commit order.

use super::resolved::{INITIAL, Resolved};

/// Adds the demands of monotonic atomic view.
///
/// Of a key's reads by one transaction, each writer must come before the writer of the next read. Of another
/// transaction that was read from, and that wrote the key too, it is enough to demand that it come before the writer of
/// the first read after that: the rest follows along the key's reads. Keys are compared from the smaller side, which
/// makes it `O(n^1.5)`.
pub(super) fn monotonic_atomic_view(resolved: &Resolved, order: &mut Vec<(u32, u32)>) {
    let mut reads = Reads::default();
    for vertex in resolved.vertices() {
        reads.take(resolved.reads(vertex));
        let of_one_key =
            reads.by_key.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair[0].2 != pair[1].2);
        order.extend(of_one_key.map(|pair| (pair[0].2, pair[1].2)));
        for &(writer, first) in &reads.writers {
            reads.common_keys(resolved.writes(writer), |range| {
                let after = range.iter().find(|&&(_, position, _)| position > first);
                order.extend(after.filter(|read| read.2 != writer).map(|read| (writer, read.2)));
            });
        }
    }
}

/// Adds the demands of read atomic.
///
/// Of the transactions before it in its session, only the last that wrote a key need come before the writer of the key
/// that was read: the others come before it.
pub(super) fn read_atomic(resolved: &Resolved, order: &mut Vec<(u32, u32)>) {
    let mut reads = Reads::default();
    let mut last_in_session = vec![(u32::MAX, INITIAL); resolved.key_count];
    for vertex in resolved.vertices() {
        let (session, _) = resolved.places[vertex as usize];
        reads.take(resolved.reads(vertex));
        for &(writer, _) in &reads.writers {
            reads.common_keys(resolved.writes(writer), |range| {
                order.extend(range.iter().filter(|read| read.2 != writer).map(|read| (writer, read.2)));
            });
        }
        // Two reads of one key that differ demand each writer to come before the other.
        let differing =
            reads.by_key.windows(2).filter(|pair| pair[0].0 == pair[1].0 && pair[0].2 != pair[1].2);
        order.extend(differing.flat_map(|pair| [(pair[0].2, pair[1].2), (pair[1].2, pair[0].2)]));
        for &(key, writer) in resolved.reads(vertex) {
            let (owner, last) = last_in_session[key as usize];
            if owner == session && last != writer {
                order.push((last, writer));
            }
        }
        for &key in resolved.writes(vertex) {
            last_in_session[key as usize] = (session, vertex);
        }
    }
}

/// The reads of one transaction, arranged for the search.
#[derive(Default)]
struct Reads {
    /// Key, position, writer; sorted.
    by_key: Vec<(u32, u32, u32)>,
    /// Every writer with the position of the first read from it. The initial state, which comes first anyway, is left
    /// out.
    writers: Vec<(u32, u32)>,
    /// Each key's place in `by_key`.
    keys: Vec<(u32, u32)>,
}

impl Reads {
    fn take(&mut self, reads: &[(u32, u32)]) {
        self.by_key.clear();
        self.by_key.extend((0..).zip(reads).map(|(position, &(key, writer))| (key, position, writer)));
        self.by_key.sort_unstable();
        self.writers.clear();
        self.writers.extend(
            (0..).zip(reads).filter(|(_, read)| read.1 != INITIAL).map(|(position, read)| (read.1, position)),
        );
        self.writers.sort_unstable();
        self.writers.dedup_by_key(|writer| writer.0);
        self.keys.clear();
        self.keys.extend((0..).zip(&self.by_key).map(|(place, read)| (read.0, place)));
        self.keys.dedup_by_key(|key| key.0);
    }

    /// Calls with the reads of each key that was also written, walking the shorter of the two lists.
    fn common_keys(&self, written: &[u32], mut visit: impl FnMut(&[(u32, u32, u32)])) {
        let range = |place: usize| {
            let end = self.keys.get(place + 1).map_or(self.by_key.len(), |next| next.1 as usize);
            &self.by_key[self.keys[place].1 as usize..end]
        };
        if written.len() <= self.keys.len() {
            for key in written {
                if let Ok(place) = self.keys.binary_search_by_key(key, |entry| entry.0) {
                    visit(range(place));
                }
            }
        } else {
            for (place, (key, _)) in self.keys.iter().enumerate() {
                if written.binary_search(key).is_ok() {
                    visit(range(place));
                }
            }
        }
    }
}
