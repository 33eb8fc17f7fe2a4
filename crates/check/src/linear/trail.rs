//! How each configuration came about: the end of an order of operations that leads to it.

/// How far back an order is remembered.
const REMEMBERED: u32 = 64;

/// When more places than this are known, those that no configuration comes from can be forgotten.
const FORGET_FROM_PLACES: usize = 1 << 20;

/// The orders that lead to the configurations: a tree, of which each knows a leaf.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    places: Vec<Place>,
}

/// An operation in an order.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The place before; its own number if nothing is known of that.
    before: u32,
    /// How many operations the order has up to here.
    count: u32,
    entry: Entry,
}

/// An operation that takes effect, and what is there afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number of the operation.
    pub(super) operation: u32,
    pub(super) action: u32,
    /// The state after it.
    pub(super) state: u32,
    pub(super) effect: Effect,
}

/// What an operation does to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It stands at the end of it.
    Last,
    /// The same, and whatever was there before is overwritten.
    Overwriting,
    /// It stands just before the last one that overwrites, unseen.
    Unseen,
}

impl Trail {
    /// Where every order begins.
    pub(super) const BEGINNING: u32 = 0;

    pub(super) fn new() -> Self {
        let nothing = Entry { operation: 0, action: 0, state: 0, effect: Effect::Last };
        Self { places: vec![Place { before: Self::BEGINNING, count: 0, entry: nothing }] }
    }

    /// The order that goes on with this.
    pub(super) fn push(&mut self, before: u32, entry: Entry) -> u32 {
        let place =
            u32::try_from(self.places.len()).expect("places are forgotten long before there are 2^32");
        let count = self.places[before as usize].count + 1;
        self.places.push(Place { before, count, entry });
        place
    }

    /// The last operations of an order, so many at most, and how many come before them.
    pub(super) fn last(&self, leaf: u32, limit: usize) -> (Vec<Entry>, u32) {
        let mut entries = Vec::new();
        let mut place = leaf;
        while self.places[place as usize].before != place {
            entries.push(self.places[place as usize].entry);
            place = self.places[place as usize].before;
        }
        let mut order: Vec<Entry> = Vec::new();
        for entry in entries.into_iter().rev() {
            let overwriter = order.iter().rposition(|other| other.effect == Effect::Overwriting);
            match (entry.effect, overwriter) {
                (Effect::Unseen, Some(place)) => order.insert(place, entry),
                // What overwrote it is further back than is remembered, and so is its place.
                (Effect::Unseen, None) => {}
                _ => order.push(entry),
            }
        }
        order.drain(..order.len().saturating_sub(limit));
        let before = self.places[leaf as usize].count - order.len() as u32;
        (order, before)
    }

    /// Whether so much is remembered that it is time to forget.
    pub(super) fn is_long(&self) -> bool {
        self.places.len() > FORGET_FROM_PLACES
    }

    /// Forgets what leads to none of these, and what is further back than anybody asks.
    pub(super) fn forget_all_but<'a>(&mut self, leaves: impl Iterator<Item = &'a mut u32>) {
        let old = std::mem::replace(&mut self.places, Self::new().places);
        let mut moved = vec![u32::MAX; old.len()];
        moved[Self::BEGINNING as usize] = Self::BEGINNING;
        for leaf in leaves {
            let mut path = Vec::new();
            let mut place = *leaf;
            while moved[place as usize] == u32::MAX && path.len() < REMEMBERED as usize {
                path.push(place);
                if old[place as usize].before == place {
                    break;
                }
                place = old[place as usize].before;
            }
            for place in path.into_iter().rev() {
                let next = self.places.len() as u32;
                let Place { before, count, entry } = old[place as usize];
                let before = Some(moved[before as usize]).filter(|&before| before != u32::MAX);
                self.places.push(Place { before: before.unwrap_or(next), count, entry });
                moved[place as usize] = next;
            }
            *leaf = moved[*leaf as usize];
        }
    }

    /// The states of all places, to be renumbered.
    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = &mut u32> {
        self.places.iter_mut().skip(1).map(|place| &mut place.entry.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(operation: u32, effect: Effect) -> Entry {
        Entry { operation, action: 0, state: operation, effect }
    }

    fn operations(trail: &Trail, leaf: u32, limit: usize) -> (Vec<u32>, u32) {
        let (order, before) = trail.last(leaf, limit);
        (order.iter().map(|entry| entry.operation).collect(), before)
    }

    #[test]
    fn what_nobody_saw_stands_before_what_overwrote_it() {
        let mut trail = Trail::new();
        let mut leaf = Trail::BEGINNING;
        for (operation, effect) in
            [(1, Effect::Last), (2, Effect::Overwriting), (3, Effect::Last), (4, Effect::Unseen)]
        {
            leaf = trail.push(leaf, entry(operation, effect));
        }
        assert_eq!(operations(&trail, leaf, 9), (vec![1, 4, 2, 3], 0));
        assert_eq!(operations(&trail, leaf, 3), (vec![4, 2, 3], 1));
    }

    #[test]
    fn a_trail_forgets_what_is_far_back_and_what_leads_nowhere() {
        let mut trail = Trail::new();
        let (mut leaf, mut fork) = (Trail::BEGINNING, Trail::BEGINNING);
        for operation in 0..1_000 {
            trail.push(leaf, entry(5_000, Effect::Last));
            leaf = trail.push(leaf, entry(operation, Effect::Last));
            if operation == 995 {
                fork = leaf;
            }
        }
        fork = trail.push(fork, entry(7_777, Effect::Last));
        trail.forget_all_but([&mut leaf, &mut fork].into_iter());
        assert!(trail.places.len() <= 2 + 2 * REMEMBERED as usize);
        assert_eq!(operations(&trail, leaf, 2), (vec![998, 999], 998));
        assert_eq!(operations(&trail, fork, 2), (vec![995, 7_777], 995));
    }
}
