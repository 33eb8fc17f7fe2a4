//! What causal consistency demands of the commit order.

use super::resolved::{INITIAL, Resolved};

/// Adds the demands of causal consistency. The order given must have no cycle.
///
/// Every transaction has a vector clock: how far into each session it sees. Of each session's writers of a key, only
/// the last that a reader sees need come before the writer of what was read, and only if that one does not see it
/// already. A clock lives until the last reader of its transaction has been dealt with.
pub(super) fn demands(resolved: &Resolved, order: &mut Vec<(u32, u32)>) {
    let writers = Writers::new(resolved);
    let mut clocks = Clocks::new(resolved);
    let mut demanded = Vec::new();
    let mut reads = Vec::new();
    for vertex in topological(resolved, order) {
        if vertex == INITIAL {
            continue;
        }
        let clock = clocks.before(resolved, vertex);
        reads.clear();
        reads.extend_from_slice(resolved.reads(vertex));
        reads.sort_unstable();
        reads.dedup();
        for &(key, writer) in &reads {
            for &(session, from, until) in writers.of(key) {
                let seen = clock[session as usize];
                let places = &writers.places[from as usize..until as usize];
                let last = places.partition_point(|&(place, _)| place <= seen);
                let Some(&(place, other)) = last.checked_sub(1).map(|last| &places[last]) else { continue };
                if other != writer && !clocks.sees(writer, session, place) {
                    demanded.push((other, writer));
                }
            }
        }
        clocks.keep(resolved, vertex, clock);
    }
    order.append(&mut demanded);
}

/// The writers of each key, by session, in each session's order.
struct Writers {
    /// For each key, where its sessions begin.
    offsets: Vec<u32>,
    /// Session, and where its writers begin and end.
    sessions: Vec<(u32, u32, u32)>,
    /// Place in the session, and vertex.
    places: Vec<(u32, u32)>,
}

impl Writers {
    fn new(resolved: &Resolved) -> Self {
        let mut writes: Vec<(u32, u32, u32, u32)> = Vec::new();
        for vertex in resolved.vertices() {
            let (session, place) = resolved.places[vertex as usize];
            writes.extend(resolved.writes(vertex).iter().map(|&key| (key, session, place, vertex)));
        }
        writes.sort_unstable();
        let mut offsets = vec![0; resolved.key_count + 1];
        let mut sessions = Vec::new();
        let mut start = 0;
        for group in writes.chunk_by(|one, other| (one.0, one.1) == (other.0, other.1)) {
            let end = start + group.len() as u32;
            sessions.push((group[0].1, start, end));
            offsets[group[0].0 as usize + 1] += 1;
            start = end;
        }
        for key in 0..resolved.key_count {
            offsets[key + 1] += offsets[key];
        }
        Self {
            offsets,
            sessions,
            places: writes.into_iter().map(|(_, _, place, vertex)| (place, vertex)).collect(),
        }
    }

    fn of(&self, key: u32) -> &[(u32, u32, u32)] {
        &self.sessions[self.offsets[key as usize] as usize..self.offsets[key as usize + 1] as usize]
    }
}

/// The vector clocks that are still needed.
struct Clocks {
    clocks: Vec<Option<Box<[u32]>>>,
    /// How many transactions have yet to look at each clock.
    waiting: Vec<u32>,
    unused: Vec<Box<[u32]>>,
    session_count: usize,
}

impl Clocks {
    fn new(resolved: &Resolved) -> Self {
        let mut waiting = vec![0; resolved.vertex_count()];
        for vertex in resolved.vertices() {
            waiting[resolved.predecessor(vertex) as usize] += 1;
            for &(_, writer) in resolved.reads(vertex) {
                waiting[writer as usize] += 1;
            }
        }
        let clocks = (0..resolved.vertex_count()).map(|_| None).collect();
        Self { clocks, waiting, unused: Vec::new(), session_count: resolved.session_count }
    }

    /// How far into each session a transaction sees, itself not counted.
    fn before(&mut self, resolved: &Resolved, vertex: u32) -> Box<[u32]> {
        let mut clock = self.unused.pop().unwrap_or_else(|| vec![0; self.session_count].into());
        match &self.clocks[resolved.predecessor(vertex) as usize] {
            Some(previous) => clock.copy_from_slice(previous),
            None => clock.fill(0),
        }
        for &(_, writer) in resolved.reads(vertex) {
            let (session, place) = resolved.places[writer as usize];
            // A clock that already sees the writer sees all that the writer sees.
            let is_known = writer == INITIAL || clock[session as usize] >= place;
            if let Some(other) = self.clocks[writer as usize].as_deref().filter(|_| !is_known) {
                for (own, other) in clock.iter_mut().zip(other) {
                    *own = (*own).max(*other);
                }
            }
        }
        clock
    }

    /// Whether a writer whose clock is still kept sees this place of a session.
    fn sees(&self, writer: u32, session: u32, place: u32) -> bool {
        self.clocks[writer as usize].as_deref().is_some_and(|clock| clock[session as usize] >= place)
    }

    /// Keeps a transaction's clock, itself counted, for those that will look at it; lets go of those it looked at last.
    fn keep(&mut self, resolved: &Resolved, vertex: u32, mut clock: Box<[u32]>) {
        let (session, place) = resolved.places[vertex as usize];
        clock[session as usize] = place;
        let looked_at = std::iter::once(resolved.predecessor(vertex))
            .chain(resolved.reads(vertex).iter().map(|read| read.1));
        for other in looked_at {
            self.waiting[other as usize] -= 1;
            if self.waiting[other as usize] == 0 {
                self.unused.extend(self.clocks[other as usize].take());
            }
        }
        if self.waiting[vertex as usize] > 0 {
            self.clocks[vertex as usize] = Some(clock);
        } else {
            self.unused.push(clock);
        }
    }
}

/// The vertices so that each edge of the order goes forwards.
fn topological(resolved: &Resolved, order: &[(u32, u32)]) -> Vec<u32> {
    let graph = super::Digraph::new(resolved.vertex_count(), || order.iter().copied());
    let components = graph.components();
    // Without a cycle every vertex is a component, and these are numbered against the edges.
    let mut vertices = vec![INITIAL; resolved.vertex_count()];
    for (vertex, &component) in components.component_of.iter().enumerate() {
        vertices[components.count - 1 - component as usize] = vertex as u32;
    }
    vertices
}
