//! The plots as their readers get them.

use glomers_check::{Operation, OperationKind, Process};

use super::*;

/// A run of some operations with one fault, small enough to read its drawing.
fn small_run() -> Perf {
    let mut perf = Perf::new();
    let mut index = 0;
    let mut observe = |operation: Operation, time_ms: u64| {
        perf.observe(&operation.at(index, time_ms * 1_000_000));
        index += 1;
    };
    for step in 0..4 {
        let write = Operation::invoke(step, "write", 1);
        let kind =
            [OperationKind::Ok, OperationKind::Fail, OperationKind::Info, OperationKind::Ok][step as usize];
        observe(write.clone(), step * 100);
        observe(write.completed(kind, 1), step * 100 + [1, 20, 90, 5][step as usize]);
    }
    for (f, time_ms) in [("start-partition", 150), ("stop-partition", 260)] {
        observe(
            Operation { process: Process::Nemesis, kind: OperationKind::Info, ..Operation::invoke(0, f, ()) },
            time_ms,
        );
    }
    perf
}

#[test]
fn a_small_run_is_drawn_as_recorded() {
    let perf = small_run();
    insta::assert_snapshot!("latency_raw", latency_raw(&perf, "write, seed 1").finish());
    insta::assert_snapshot!("latency_quantiles", latency_quantiles(&perf, "write, seed 1").finish());
    insta::assert_snapshot!("rate", rate(&perf, "write, seed 1").finish());
}

#[test]
fn an_empty_run_says_so() {
    for drawing in [latency_raw, latency_quantiles, rate] {
        assert!(drawing(&Perf::new(), "echo").finish().contains("No operation completed"));
    }
}

#[test]
fn a_run_of_one_instant_is_drawn() {
    let mut perf = Perf::new();
    let echo = Operation::invoke(0, "echo", ());
    perf.observe(&echo);
    perf.observe(&echo.completed(OperationKind::Ok, ()));
    for drawing in [latency_raw, latency_quantiles, rate] {
        let file = drawing(&perf, "echo").finish();
        assert!(!file.contains("NaN") && !file.contains("inf"));
    }
}

#[test]
fn names_from_outside_are_escaped() {
    let mut perf = Perf::new();
    let hostile = Operation::invoke(0, "<script>", ());
    perf.observe(&hostile);
    perf.observe(&hostile.completed(OperationKind::Ok, ()).at(1, 5_000));
    for drawing in [latency_raw, latency_quantiles, rate] {
        assert!(!drawing(&perf, "<script>").finish().contains("<script"));
    }
}

#[test]
fn every_plot_is_written_twice() {
    let directory = tempfile::tempdir().unwrap();
    write_plots(&small_run(), "write, seed 1", directory.path()).unwrap();
    for name in PLOTS {
        assert!(std::fs::read(directory.path().join(format!("{name}.png"))).unwrap().starts_with(b"\x89PNG"));
        assert!(
            std::fs::read_to_string(directory.path().join(format!("{name}.svg")))
                .unwrap()
                .starts_with("<svg")
        );
    }
}
