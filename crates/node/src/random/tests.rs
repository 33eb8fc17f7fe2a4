//! Golden values: they come from an independent implementation of the same definitions. A change here would
//! change what every seed means.

use proptest::prelude::*;

use super::{Random, fnv1a_128};

fn random() -> Random {
    Random::derive(42, "network")
}

#[test]
fn the_stream_of_a_seed_and_a_name_is_fixed() {
    let mut random = random();
    let words: Vec<u64> = (0..11).map(|_| random.next_u64()).collect();
    assert_eq!(words[..3], [0xeade_1f96_b027_0700, 0x5b06_8a56_0a36_e150, 0x0e7b_02ad_a984_e355]);
    assert_eq!(words[10], 0x5de4_2905_aa4b_8403);
    assert_eq!(self::random().fork("n1").next_u64(), 0xb303_f2b3_a6ee_8ec5);
    assert_eq!(fnv1a_128(b"foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
}

#[test]
fn what_is_drawn_from_a_stream_is_fixed() {
    let mut dice = random();
    let throws: Vec<u64> = (0..10).map(|_| dice.below(6)).collect();
    assert_eq!(throws, [5, 2, 0, 2, 0, 3, 4, 3, 1, 3]);
    assert_eq!(random().f64(), 0.917_451_834_000_669_2);
    assert_eq!(random().exponential(10.0), 24.943_733_257_091_843);
    let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
    random().shuffle(&mut items);
    assert_eq!(items, [3, 4, 1, 5, 6, 0, 2, 7]);
    assert_eq!(random().choose(&["a", "b", "c"]), Some(&"c"));
    assert_eq!(random().choose::<u8>(&[]), None);
}

#[test]
fn chance_is_never_at_zero_and_always_at_one() {
    let mut random = random();
    assert!((0..1000).all(|_| !random.chance(0.0) && random.chance(1.0)));
}

#[test]
#[should_panic(expected = "no number below 0")]
fn there_is_no_number_below_zero() {
    random().below(0);
}

proptest! {
    #[test]
    fn a_number_stays_below_its_bound(seed: u64, bound in 1_u64..) {
        prop_assert!(Random::derive(seed, "test").below(bound) < bound);
    }

    #[test]
    fn a_shuffle_keeps_every_item(seed: u64, length in 0_usize..50) {
        let mut items: Vec<usize> = (0..length).collect();
        Random::derive(seed, "test").shuffle(&mut items);
        items.sort_unstable();
        prop_assert_eq!(items, (0..length).collect::<Vec<_>>());
    }
}
