//! Objects most of whose clients never learn what became of their operations.

use glomers_check::linear::Linearizability;
use glomers_check::linear::models::Register;
use glomers_check::{Mode, Value, check};

#[path = "support/registers.rs"]
mod registers;

use registers::Plan;

#[test]
fn table() {
    for (operations, crashes, stale) in [(300,100,0),(300,330,0),(1000,100,0),(1000,300,0),(3000,100,0),(10000,100,0),(300,100,20),(300,330,20),(1000,100,10),(1000,300,10),(1000,100,3),(3000,100,3),(3000,300,3),(10000,100,1),(10000,300,1)] {
        for values in [3, 5, 10] {
            let mut line = String::new();
            let begin = std::time::Instant::now();
            let seeds: u64 = std::env::var("SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(4);
            for seed in 0..seeds {
                let history = Plan { operations, values, crashes_per_mille: crashes, stale_per_mille: stale, seed, ..Plan::default() }.history();
                let begin = std::time::Instant::now();
                let v = check(&history, Linearizability::new(Register::new(Value::from(0), Mode::Strict)));
                line += &format!(" {}:{:.2}", v.validity, begin.elapsed().as_secs_f64());
            }
            println!("{operations:6} crashes {crashes:4} stale {stale:3} values {values:3}: {line} ({:.1})", begin.elapsed().as_secs_f64());
        }
    }
}
