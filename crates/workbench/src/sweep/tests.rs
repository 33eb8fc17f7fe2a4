use std::collections::BTreeSet;

use glomers_check::{Value, edn};

use super::*;

fn result(seed: u64, operations: u64, failure: Option<&str>) -> SeedResult {
    let failure = failure.map(|count| {
        let results: Value =
            edn::read(&format!("{{:workload {{:valid? false :{count}-count 1}}}}")).expect("it is EDN");
        Failure::of(Validity::Invalid, &results).expect("it is invalid")
    });
    SeedResult {
        seed,
        variation: format!("{operations} things"),
        validity: if failure.is_some() { Verdict::Invalid } else { Verdict::Valid },
        failure,
        sentence: format!("Sentence {seed}."),
        operations,
        virtual_ms: 1,
        trace_hash: seed,
        behaviour: Behaviour::default(),
    }
}

fn run(seed: u64) -> Option<SeedResult> {
    Some(match seed % 5 {
        3 => result(seed, 1_000_000 - seed, Some("lost")),
        4 if seed > 10 => result(seed, seed, Some("stale")),
        _ => result(seed, seed, None),
    })
}

#[test]
fn failures_are_grouped_with_the_quickest_to_repeat_first() {
    let report = sweep(0..20, 3, &run, &mut |_| true);
    assert_eq!(
        report.to_string(),
        "20 seeds: 14 valid, 6 invalid, 0 unknown\n\
         \n2 seeds failed with workload: stale: 14, 19\n\
         \x20 seed 14, 14 operations: Sentence 14.\n\
         \x20 it drew 14 things\n\
         \n4 seeds failed with workload: lost: 18, 13, 8, 3\n\
         \x20 seed 18, 999,982 operations: Sentence 18.\n\
         \x20 it drew 999982 things\n\
         \n0 kinds of behaviour seen (three messages in a row at a node), 0 of them new in the last tenth of the runs.\n\
         Every one was seen in at least two runs: more seeds of this test will hardly show new behaviour.\n"
    );
}

#[test]
fn the_number_of_threads_and_the_order_of_results_do_not_matter() {
    let one = sweep(0..50, 1, &run, &mut |_| true);
    assert_eq!(one, sweep(0..50, 7, &run, &mut |_| true));
    let mut results: Vec<SeedResult> = one.results().iter().rev().cloned().collect();
    results.extend_from_within(..10);
    assert_eq!(one, Report::of(results));
}

#[test]
fn a_sweep_ends_when_it_is_told_to() {
    let mut seen = BTreeSet::new();
    let report = sweep(0..1_000_000, 2, &run, &mut |result| {
        seen.insert(result.seed);
        seen.len() < 10
    });
    assert!((10..20).contains(&report.results().len()), "{}", report.results().len());
    assert!(sweep(5..5, 2, &run, &mut |_| true).results().is_empty());
}

#[test]
fn the_next_new_behaviour_is_estimated_from_what_was_seen_once() {
    let coverage = |runs, seen_once| Coverage { runs, features: 100, seen_once, new_in_last_tenth: 1 };
    assert_eq!(coverage(1000, 10).runs_to_next_new(), Some(100));
    assert_eq!(coverage(10, 100).runs_to_next_new(), Some(1));
    assert_eq!(coverage(1000, 0).runs_to_next_new(), None);
    assert!(coverage(1000, 10).to_string().contains("after about 100 more seeds"), "{}", coverage(1000, 10));
}
