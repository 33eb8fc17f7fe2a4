//! What each rule strikes, and that rules neither shift nor hide each other.

use super::*;

fn packet<'a>(src: &'a NodeId, dest: &'a NodeId, dest_role: HostRole) -> Packet<'a> {
    Packet { message: 0, src, src_role: HostRole::Node, dest, dest_role, body: "{}", now: Time::ZERO }
}

fn nodes(names: &[&str]) -> Vec<NodeId> {
    names.iter().map(|name| NodeId::from(*name)).collect()
}

/// The link from n0 to n1, without the way back.
fn one_way() -> Links {
    Links::directed([("n0".into(), "n1".into())])
}

/// What a rule says of a message from n0 to n1, of one back, and of one from n0 to a service called n1.
fn verdicts(rule: &mut dyn Rule) -> [Verdict; 3] {
    let (left, right) = (NodeId::from("n0"), NodeId::from("n1"));
    let mut random = Random::derive(0, "rule");
    let packets = [
        packet(&left, &right, HostRole::Node),
        packet(&right, &left, HostRole::Node),
        packet(&left, &right, HostRole::Service),
    ];
    packets.map(|packet| match rule.on_send(&packet, &mut random) {
        Verdict::Pass => rule.on_deliver(&packet, &mut random),
        verdict => verdict,
    })
}

#[test]
fn rules_on_links_are_directed_and_spare_services() {
    let cut = Verdict::Drop(DropReason::Partition);
    let mut partition = Partition::directed([("n0".into(), "n1".into())]);
    assert_eq!(verdicts(&mut partition), [cut, Verdict::Pass, Verdict::Pass]);
    let mut flakiness = Flakiness { links: one_way(), probability: 1.0 };
    assert_eq!(verdicts(&mut flakiness), [Verdict::Drop(DropReason::Loss), Verdict::Pass, Verdict::Pass]);
    let delay = Duration::from_millis(250);
    let mut slowness = Slowness { links: one_way(), delay };
    assert_eq!(verdicts(&mut slowness), [Verdict::Delay(delay), Verdict::Pass, Verdict::Pass]);
}

#[test]
fn rules_on_the_whole_network_spare_services() {
    let rules: [Box<dyn Rule>; 3] = [
        Box::new(Loss { probability: 1.0 }),
        Box::new(Duplication { probability: 1.0, lag: Duration::from_millis(1) }),
        Box::new(Reordering { probability: 1.0, delay: Duration::from_millis(1) }),
    ];
    for mut rule in rules {
        let [there, back, service] = verdicts(rule.as_mut());
        assert!(there != Verdict::Pass && back != Verdict::Pass, "{}", rule.description());
        assert_eq!(service, Verdict::Pass, "{}", rule.description());
    }
}

#[test]
fn a_probability_is_how_often_it_happens() {
    let (left, right) = (NodeId::from("n0"), NodeId::from("n1"));
    let packet = packet(&left, &right, HostRole::Node);
    let delay = Duration::from_millis(100);
    let rules: [Box<dyn Rule>; 4] = [
        Box::new(Loss { probability: 0.3 }),
        Box::new(Flakiness { links: one_way(), probability: 0.3 }),
        Box::new(Duplication { probability: 0.3, lag: delay }),
        Box::new(Reordering { probability: 0.3, delay }),
    ];
    for mut rule in rules {
        let mut random = Random::derive(1, "rule");
        let verdicts: Vec<Verdict> = (0..10_000).map(|_| rule.on_send(&packet, &mut random)).collect();
        let struck = verdicts.iter().filter(|verdict| **verdict != Verdict::Pass).count();
        assert!((2_800..3_200).contains(&struck), "{}: {struck}", rule.description());
        let within = |verdict: &Verdict| match verdict {
            Verdict::Delay(lag) | Verdict::Duplicate(lag) => *lag <= delay,
            Verdict::Pass | Verdict::Drop(_) => true,
        };
        assert!(verdicts.iter().all(within), "{}", rule.description());
    }
}

#[test]
fn groups_are_cut_both_ways_and_described_by_sender() {
    let partition = Partition::between(&[nodes(&["n0"]), nodes(&["n1", "n2"])]);
    assert_eq!(partition.description(), "messages are lost from n0 to n1, n2; n1 to n0; n2 to n0");
    assert_eq!(Partition::default().description(), "messages are lost from no node to another");
}

#[test]
fn removing_one_rule_leaves_the_draws_of_another() {
    let (left, right) = (NodeId::from("n0"), NodeId::from("n1"));
    let packet = packet(&left, &right, HostRole::Node);
    let losses = |rules: &mut Rules| (0..64).map(|_| rules.on_send(&packet).dropped).collect::<Vec<_>>();
    let loss = || Box::new(Loss { probability: 0.5 });
    let mut alone = Rules::default();
    alone.install(loss(), 3);
    let mut beside = Rules::default();
    let reordering =
        beside.install(Box::new(Reordering { probability: 0.5, delay: Duration::from_secs(1) }), 3);
    beside.install(loss(), 3);
    assert_eq!(losses(&mut alone), losses(&mut beside));
    assert!(beside.remove(reordering));
    assert_eq!(losses(&mut alone), losses(&mut beside));
}

#[test]
fn verdicts_add_up_and_a_loss_outweighs_all() {
    let (left, right) = (NodeId::from("n0"), NodeId::from("n1"));
    let packet = packet(&left, &right, HostRole::Node);
    let delay = Duration::from_millis(250);
    let mut rules = Rules::default();
    for _ in 0..2 {
        rules.install(Box::new(Slowness { links: one_way(), delay }), 0);
    }
    rules.install(Box::new(Duplication { probability: 1.0, lag: Duration::ZERO }), 0);
    let expected = Judgement { dropped: None, delay: 2 * delay, copies: vec![Duration::ZERO] };
    assert_eq!(rules.on_send(&packet), expected);
    rules.install(Box::new(Loss { probability: 1.0 }), 0);
    assert_eq!(rules.on_send(&packet).dropped, Some(DropReason::Loss));
}
