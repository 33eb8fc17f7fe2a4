//! The naive nodes and the first ones on the official options of each challenge, under virtual time. What is said of the naive ones
//! stands in the book, and is held equal to what is said here.

use std::{fmt::Write, fs, path::Path, time::Duration};

use first_steps::{Broadcast, Counter, Echo, Kafka, Transactions, UniqueIds, naive};
use glomers_node::{Node, Router};
use glomers_workbench::{AvailabilityGoal, LatencyDistribution, Outcome, Simulation, Validity};

const SECOND: Duration = Duration::from_secs(1);

fn echo() -> Simulation {
    Simulation::new("echo").node_count(1).time_limit(10 * SECOND)
}

fn unique_ids() -> Simulation {
    let ids = Simulation::new("unique-ids").node_count(3).rate_hz(1000.0).time_limit(30 * SECOND);
    ids.availability(AvailabilityGoal::Total).nemesis(&["partition"], 10 * SECOND)
}

fn broadcast(node_count: usize) -> Simulation {
    Simulation::new("broadcast").node_count(node_count).rate_hz(10.0).time_limit(20 * SECOND)
}

fn partitioned(simulation: Simulation) -> Simulation {
    simulation.nemesis(&["partition"], 10 * SECOND)
}

fn large_broadcast() -> Simulation {
    broadcast(25).rate_hz(100.0).latency(100.0, LatencyDistribution::Constant)
}

fn low_latency() -> Simulation {
    let targets = ["net.servers.msgs-per-op<30", "stable-latency.p50<400ms", "stable-latency.max<600ms"];
    targets.into_iter().fold(large_broadcast(), Simulation::expect)
}

fn low_traffic() -> Simulation {
    let targets = ["net.servers.msgs-per-op<20", "stable-latency.p50<1s", "stable-latency.max<2s"];
    targets.into_iter().fold(large_broadcast(), Simulation::expect)
}

fn g_counter() -> Simulation {
    partitioned(Simulation::new("g-counter").node_count(3).rate_hz(100.0).time_limit(20 * SECOND))
}

fn kafka(node_count: usize) -> Simulation {
    let kafka = Simulation::new("kafka").node_count(node_count).concurrency(2 * node_count);
    kafka.rate_hz(1000.0).time_limit(20 * SECOND)
}

fn txn(node_count: usize, models: &str) -> Simulation {
    let txn = Simulation::new("txn-rw-register").node_count(node_count).concurrency(2 * node_count);
    txn.rate_hz(1000.0).time_limit(20 * SECOND).setting("consistency-models", models)
}

fn available(simulation: Simulation) -> Simulation {
    simulation.availability(AvailabilityGoal::Total)
}

fn quick(node: Node) -> Router<Broadcast> {
    Broadcast::router(node, Duration::from_millis(50))
}

fn thrifty(node: Node) -> Router<Broadcast> {
    Broadcast::router(node, SECOND)
}

/// What is said of a run, as the command line prints it first.
fn report(outcome: &Outcome) -> String {
    outcome.assert_invalid("");
    let mut text = format!("Analysis invalid! {}\n", outcome.sentence);
    for finding in outcome.findings.iter().take(3) {
        let _ = writeln!(text, "  - {finding}");
    }
    text
}

/// The figures of a run, as they stand in the book.
fn figures(outcome: &Outcome) -> String {
    let mut text = format!("{}\n", outcome.assert_valid().sentence);
    for (path, unit) in [
        ("net.servers.msgs-per-op", " messages between servers for each operation"),
        ("stable-latency.p50", " ms until half of the values were everywhere"),
        ("stable-latency.max", " ms until all were"),
    ] {
        if let Some(figure) = outcome.figure(path).filter(|figure| *figure > 0.0) {
            let _ = writeln!(text, "  {figure:.2}{unit}");
        }
    }
    text
}

/// Holds a file of the book equal to what was said just now. With `GLOMERS_UPDATE_DOCS` set it is written anew.
#[track_caller]
fn shown(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/src/challenges/{name}.txt"));
    if std::env::var_os("GLOMERS_UPDATE_DOCS").is_some() {
        fs::write(&path, text).expect("writable");
    } else {
        let shown = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(shown, text, "{name}: run this test with GLOMERS_UPDATE_DOCS=1 to write it anew");
    }
}

#[test]
fn chapter_1() {
    shown("1-failure", &report(&echo().run(naive::Echo::router)));
    shown("1-repaired", &figures(&echo().run(Echo::router)));
}

#[test]
fn chapter_2() {
    let fewer = unique_ids().rate_hz(50.0).time_limit(5 * SECOND);
    shown("2-failure", &report(&fewer.run(naive::UniqueIds::router)));
    shown("2-repaired", &figures(&unique_ids().run(UniqueIds::router)));
}

#[test]
fn chapters_3a_to_3c() {
    shown("3a-repaired", &figures(&broadcast(1).run(naive::Alone::router)));
    shown("3b-failure", &report(&broadcast(5).run(naive::Alone::router)));
    shown("3b-repaired", &figures(&broadcast(5).run(naive::Flood::router)));
    shown("3c-failure", &report(&partitioned(broadcast(5)).run(naive::Flood::router)));
    broadcast(1).run(quick).assert_valid();
    broadcast(5).run(quick).assert_valid();
    shown("3c-repaired", &figures(&partitioned(broadcast(5)).run(quick)));
}

#[test]
fn chapter_3d() {
    let shorter = low_latency().time_limit(2 * SECOND);
    shown("3d-failure", &report(&shorter.run(naive::Flood::router)));
    shown("3d-repaired", &figures(&low_latency().run(quick)));
    partitioned(large_broadcast()).run(quick).assert_valid();
}

#[test]
fn chapter_3e() {
    shown("3e-failure", &report(&low_traffic().run(quick)));
    shown("3e-repaired", &figures(&low_traffic().run(thrifty)));
    partitioned(large_broadcast()).run(thrifty).assert_valid();
}

#[test]
fn chapter_4() {
    shown("4-failure", &report(&g_counter().run(naive::Counter::router)));
    shown("4-repaired", &figures(&g_counter().run(Counter::router)));
}

#[test]
fn chapter_5a() {
    let shorter = kafka(1).rate_hz(100.0).time_limit(5 * SECOND);
    shown("5a-failure", &report(&shorter.run(naive::OffByOne::router)));
    shown("5a-repaired", &figures(&kafka(1).run(Kafka::router)));
}

#[test]
fn chapters_5b_and_5c() {
    let shorter = kafka(2).rate_hz(100.0).time_limit(5 * SECOND);
    shown("5b-failure", &report(&shorter.run(naive::OwnLogs::router)));
    let cheap = "net.servers.msgs-per-op<3.5";
    shown("5c-failure", &report(&shorter.expect(cheap).run(naive::Expensive::router)));
    shown("5c-repaired", &figures(&kafka(2).expect(cheap).run(Kafka::router)));
    shown("5b-repaired", &figures(&kafka(2).run(Kafka::router)));
}

#[test]
fn chapter_6a() {
    let shorter = |models| txn(1, models).rate_hz(100.0).time_limit(5 * SECOND);
    shorter("read-uncommitted").run(naive::WritesFirst::router).assert_valid();
    shown("6a-failure", &report(&shorter("serializable").run(naive::WritesFirst::router)));
    shown("6a-repaired", &figures(&available(txn(1, "read-uncommitted")).run(Transactions::router)));
}

#[test]
fn chapters_6b_and_6c() {
    let shorter = |models| txn(2, models).rate_hz(100.0).time_limit(5 * SECOND);
    let cut = shorter("read-uncommitted").time_limit(20 * SECOND).nemesis(&["partition"], 2 * SECOND);
    // Most sets of nodes that are drawn from two are empty or cut nothing: take the first run with a partition that lasts.
    let cut = available(cut);
    let mut runs = cut.sweep(0..50, naive::Transactions::router);
    let failed = runs.find(|outcome| outcome.validity == Validity::Invalid).expect("a partition shows it");
    shown("6b-failure", &report(&failed));
    let slow = shorter("read-committed").latency(20.0, LatencyDistribution::Constant);
    shown("6c-failure", &report(&slow.run(naive::Transactions::router)));
    txn(2, "read-uncommitted").run(Transactions::router).assert_valid();
    shown(
        "6b-repaired",
        &figures(&available(partitioned(txn(2, "read-uncommitted"))).run(Transactions::router)),
    );
    shown(
        "6c-repaired",
        &figures(&available(partitioned(txn(2, "read-committed"))).run(Transactions::router)),
    );
}

/// Every part that the page of the book includes is there, and nothing lies about that it does not show.
#[test]
fn the_page_includes_what_there_is() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src");
    let page = fs::read_to_string(book.join("challenges.md")).expect("the page is there");
    let mut reports = Vec::new();
    for include in page.split("{{#include ").skip(1) {
        let (include, _) = include.split_once("}}").expect("an include ends");
        let (path, anchor) = include.split_once(':').unwrap_or((include, ""));
        let text = fs::read_to_string(book.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        for mark in ["ANCHOR", "ANCHOR_END"].into_iter().filter(|_| !anchor.is_empty()) {
            let line = format!("// {mark}: {anchor}");
            assert!(text.lines().any(|other| other.trim() == line), "{path} has no `{line}`");
        }
        reports.extend(path.strip_prefix("challenges/").map(str::to_owned));
    }
    let files = fs::read_dir(book.join("challenges")).expect("the reports are there");
    for file in files.map(|file| file.expect("readable").file_name()) {
        assert!(reports.iter().any(|shown| file == shown.as_str()), "{} is not shown", file.display());
    }
}
