//! The challenge under virtual time.

mod support;

use broadcast::Settings;
use support::{Challenge, figures};

#[test]
fn tuning() {
    let seeds: u64 = std::env::var("GLOMERS_SEEDS").ok().map_or(3, |n| n.parse().unwrap());
    for arguments in std::env::var("ARGS").unwrap_or_default().split(';') {
        let settings = Settings::from_arguments(arguments.split_whitespace()).unwrap();
        for seed in 0..seeds {
            let mut simulation = Challenge::Large.simulation().seed(seed);
            let faults = std::env::var("FAULTS").unwrap_or_default();
            if !faults.is_empty() {
                simulation = simulation.nemesis(&faults.split(',').collect::<Vec<_>>(), std::time::Duration::from_secs(5));
            }
            let outcome = simulation.run(support::node(settings));
            println!("{arguments} seed {seed}: {:?} {}", figures(&outcome), outcome.sentence);
            if outcome.validity != glomers_check::Validity::Valid { println!("   {}", outcome.findings.join("\n   ")); }
        }
    }
}
