use super::*;

/// A replay with operations of four threads on three nodes, and faults.
fn replay(lines: &str) -> Replay {
    let mut plan = Plan::new("g-set", 7);
    plan.nodes = crate::plan::numbered_nodes(3);
    plan.concurrency = 6;
    plan.time_limit = std::time::Duration::from_secs(100);
    let json = serde_json::to_string(&plan).expect("a plan is JSON");
    format!("plan {json}\n{lines}").parse().unwrap_or_else(|error| panic!("{error}"))
}

fn failure() -> Failure {
    let results = glomers_check::edn::read("{:workload {:valid? false :lost-count 1}}").expect("it is EDN");
    Failure::of(glomers_check::Validity::Invalid, &results).expect("it is invalid")
}

/// Shrinks a run that fails whenever this says so of its text.
#[track_caller]
fn shrunk(lines: &str, fails: impl Fn(&Plan, &str) -> bool) -> (Shrunk, Vec<String>) {
    let mut run = |plan: &Plan| {
        let text = Replay::new(plan.clone()).to_string();
        fails(plan, &text).then(failure)
    };
    let shrunk = shrink(&replay(lines), &failure(), 10_000, &mut run, &mut |_| true).expect("it fails");
    let lines = shrunk.replay.to_string().lines().skip(1).map(str::to_owned).collect();
    (shrunk, lines)
}

const LONG: &str = "\
at 123ms client 0 add 1
at 1.5s client 4 add 2
at 2s for 4.2s cut n0 from n1, n2
at 2.2s client 1 add 3
at 3s kill n1, n2
at 3.1s client 2 add 4
at 4s client 5 read nil
at 5s for 1s pause n2
at 7.77s client 3 add 5
at 9s heal
";

#[test]
fn what_the_failure_does_not_need_goes() {
    let (shrunk, lines) = shrunk(LONG, |_, text| text.contains("add 3") && text.contains("cut "));
    assert_eq!(lines, ["at 0s for 0s cut n0 from n1", "at 0s client 1 add 3"]);
    assert!(shrunk.is_minimal);
    assert_eq!(shrunk.before, Size { nodes: 3, operations: 6, faults: 4 });
    assert_eq!(shrunk.after, Size { nodes: 2, operations: 1, faults: 1 });
    assert_eq!(shrunk.before.to_string(), "6 operations, 4 faults, 3 nodes");
    assert!(shrunk.replay.plan().time_limit < std::time::Duration::from_secs(1));
    let (tried, kept) =
        shrunk.passes.iter().fold((0, 0), |(tried, kept), pass| (tried + pass.tried, kept + pass.kept));
    assert!(kept > 5 && tried > kept && shrunk.runs > tried, "{:?}", shrunk.passes);
}

#[test]
fn parts_that_only_matter_together_stay_together() {
    let is_needed = |text: &str, element: u8| text.contains(&format!("add {element}"));
    let (_, lines) = shrunk(LONG, |plan, text| {
        is_needed(text, 1) && is_needed(text, 4) && is_needed(text, 5) && plan.nodes.len() == 3
    });
    let values: Vec<&str> =
        lines.iter().filter_map(|line| line.rsplit_once("add ")).map(|(_, value)| value).collect();
    assert_eq!(values, ["1", "4", "5"]);
    assert!(!lines.iter().any(|line| line.contains("kill") || line.contains("cut")), "{lines:?}");
}

#[test]
fn another_node_takes_the_operations_of_one_that_is_not_needed() {
    let (shrunk, lines) = shrunk(LONG, |_, text| text.contains("add 1") && text.contains("add 3"));
    assert_eq!(shrunk.after.nodes, 1, "{lines:?}");
    assert_eq!(shrunk.after.operations, 2);
}

#[test]
fn a_time_that_matters_stays() {
    let (_, lines) = shrunk(LONG, |plan, _| {
        let at = |f: &str| {
            plan.operations
                .iter()
                .flatten()
                .filter(|operation| operation.f == f)
                .map(|operation| operation.at)
                .max()
        };
        matches!((at("add"), at("read")), (Some(add), Some(read)) if add >= read + std::time::Duration::from_millis(3770))
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines, ["at 0s client 0 read nil", "at 3.77s client 0 add 5"]);
}

#[test]
fn micro_operations_that_are_not_needed_go() {
    let mut plan = Plan::new("txn-list-append", 1);
    plan.nodes = crate::plan::numbered_nodes(1);
    let json = serde_json::to_string(&plan).expect("a plan is JSON");
    let text = format!("plan {json}\nat 1s client 0 txn [[:append 1 1] [:r 2 nil] [:append 3 1]]\n");
    let replay: Replay = text.parse().expect("it is a replay");
    let mut run = |plan: &Plan| Replay::new(plan.clone()).to_string().contains("[:r 2 nil]").then(failure);
    let shrunk = shrink(&replay, &failure(), 1_000, &mut run, &mut |_| true).expect("it fails");
    assert!(shrunk.replay.to_string().ends_with("client 0 txn [[:r 2 nil]]\n"), "{}", shrunk.replay);
}

#[test]
fn the_same_run_is_shrunk_to_the_same() {
    let fails = |_: &Plan, text: &str| text.contains("pause") || text.contains("add 2");
    let (one, other) = (shrunk(LONG, fails), shrunk(LONG, fails));
    assert_eq!((one.1, one.0.runs, one.0.passes), (other.1, other.0.runs, other.0.passes));
}

#[test]
fn a_limit_ends_it_with_what_it_has() {
    let mut run = |_: &Plan| Some(failure());
    let shrunk = shrink(&replay(LONG), &failure(), 3, &mut run, &mut |_| true).expect("it fails");
    assert_eq!((shrunk.runs, shrunk.is_minimal), (3, false));
    let shrunk = shrink(&replay(LONG), &failure(), 100, &mut run, &mut |progress| progress.runs < 5)
        .expect("it fails");
    assert_eq!((shrunk.runs, shrunk.is_minimal), (5, false));
}

#[test]
fn a_run_that_does_not_fail_again_is_an_error() {
    let error =
        shrink(&replay(LONG), &failure(), 10, &mut |_| None, &mut |_| true).expect_err("it does not fail");
    assert_eq!(
        error.to_string(),
        "the run does not repeat its failure (workload: lost): it is valid when it is repeated. It has choices that virtual time does not decide."
    );
}
