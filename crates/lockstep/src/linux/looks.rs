//! Finds threads that spin until the clock moves, which it never would.
//!
//! Time stands still while a program computes. A loop such as `while now() < deadline {}` must be given time all the same, and a program
//! that looks at the clock often, because it logs a lot, should not be. What tells them apart is that a loop looks from the same few places.

/// From how many places a loop may look.
const PLACES: usize = 4;
/// After how many looks from so few places in a row a thread pauses.
const LOOKS_OF_LOOP: u32 = 500;
/// The same for one that has just paused, and looks from there again.
const LOOKS_AFTER_PAUSE: u32 = 50;
/// After how many looks from anywhere: a loop may be larger.
const LOOKS_FROM_ANYWHERE: u32 = 10_000;
/// The first pause and the longest, in nanoseconds. Each is twice the one before, so that a loop that spins for seconds ends soon.
const FIRST_PAUSE_NS: u64 = 10_000;
const LONGEST_PAUSE_NS: u64 = 10_000_000;
/// A pause this long follows several others without a wait in between: the program does nothing but look at the clock.
const NOTABLE_PAUSE_NS: u64 = 1_000_000;

/// A place in a program: its instruction and stack pointers.
pub(crate) type Place = (u64, u64);

/// The looks of a thread at the clock, and its yields, since it last waited.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    count: u32,
    /// The last places that differed, in the order in which they came up.
    places: [Place; PLACES],
    /// How many looks there have been since the last new place.
    count_of_loop: u32,
    pause_ns: u64,
}

/// How long a thread is to pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) length_ns: u64,
    /// It does nothing but look.
    pub(crate) is_notable: bool,
}

impl Looks {
    /// Counts a look.
    pub(crate) fn look(&mut self, place: Place) -> Option<Pause> {
        if !self.places.contains(&place) {
            self.places.rotate_left(1);
            self.places[PLACES - 1] = place;
            (self.count_of_loop, self.pause_ns) = (0, 0);
        }
        self.count += 1;
        self.count_of_loop += 1;
        let limit = if self.pause_ns == 0 { LOOKS_OF_LOOP } else { LOOKS_AFTER_PAUSE };
        if self.count_of_loop <= limit && self.count <= LOOKS_FROM_ANYWHERE {
            return None;
        }
        (self.count, self.count_of_loop) = (0, 0);
        self.pause_ns = (self.pause_ns * 2).clamp(FIRST_PAUSE_NS, LONGEST_PAUSE_NS);
        Some(Pause { length_ns: self.pause_ns, is_notable: self.pause_ns >= NOTABLE_PAUSE_NS })
    }

    /// The thread waits.
    pub(crate) fn forget(&mut self) {
        *self = Looks::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_pauses_ever_longer() {
        let mut looks = Looks::default();
        let pauses = (0..5000).filter_map(|_| looks.look((1, 2))).collect::<Vec<_>>();
        assert_eq!(pauses.first(), Some(&Pause { length_ns: FIRST_PAUSE_NS, is_notable: false }));
        assert_eq!(pauses.last(), Some(&Pause { length_ns: LONGEST_PAUSE_NS, is_notable: true }));
        assert!(pauses.is_sorted_by_key(|pause| pause.length_ns));
    }

    #[test]
    fn a_program_that_looks_from_many_places_does_not_pause() {
        let mut looks = Looks::default();
        assert!((0..5000).all(|number| looks.look((1, number % 7)).is_none()));
    }

    #[test]
    fn a_wait_ends_a_loop() {
        let mut looks = Looks::default();
        for _ in 0..100 {
            assert!((0..400).all(|_| looks.look((1, 2)).is_none()));
            looks.forget();
        }
    }
}
