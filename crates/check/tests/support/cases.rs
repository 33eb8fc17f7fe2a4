//! Random cases, each from a seed of its own, so that one that fails can be run again by itself.

use std::ops::Range;

use proptest::strategy::Strategy;
use proptest::test_runner::{
    Config, RngAlgorithm, TestCaseError, TestCaseResult, TestError, TestRng, TestRunner,
};

/// How many cases to try, instead of the test's own number.
const CASES: &str = "GLOMERS_CASES";

/// The seed of the first case; the next ones count on from there. It is 0 otherwise.
const FIRST_CASE: &str = "GLOMERS_FIRST_CASE";

/// Tries so many cases of what the strategy draws. The first that fails is made smaller, and told with its seed.
pub(crate) fn try_cases<S: Strategy>(count: u64, strategy: S, test: impl Fn(S::Value) -> TestCaseResult) {
    for case in numbers(count) {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&case.to_le_bytes());
        let config = Config { failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let tree = strategy.new_tree(&mut runner).expect("the strategy filters nothing out");
        match runner.run_one(tree, &test) {
            Ok(_) => {}
            Err(TestError::Abort(reason)) => panic!("case {case} was not tried: {reason}"),
            Err(TestError::Fail(reason, smallest)) => {
                panic!(
                    "{reason}\nSmallest: {smallest:?}\n{FIRST_CASE}={case} {CASES}=1 tries this case again."
                )
            }
        }
    }
}

/// The seeds of so many cases, or of as many as were asked for. A line says which: `bench/soak` adds them up.
pub(crate) fn numbers(count: u64) -> Range<u64> {
    let first = number(FIRST_CASE).unwrap_or(0);
    let count = number(CASES).unwrap_or(count);
    #[expect(clippy::print_stdout, reason = "whoever shows what tests print wants to know")]
    {
        println!("{count} cases from {first}");
    }
    first..first + count
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.replace('_', "").parse().unwrap_or_else(|_| panic!("{variable} is {text:?}, and not a number")))
}

/// Fails the case unless this holds.
pub(crate) fn require(holds: bool, reason: impl FnOnce() -> String) -> TestCaseResult {
    if holds { Ok(()) } else { Err(TestCaseError::fail(reason())) }
}
