//! The network by itself: no hosts, no clock; what goes in, and the whole trace that comes out.

use std::fmt::{self, Write as _};

use super::*;

/// A network whose trace is text, driven by hand.
struct Driver {
    network: Network,
    trace: Transcript,
    now: Time,
}

#[derive(Default)]
struct Transcript(String);

impl Transcript {
    fn line(&mut self, now: Time, line: fmt::Arguments<'_>) {
        writeln!(self.0, "{:>3} ms  {line}", now.as_ns() / 1_000_000).expect("a string takes any text");
    }
}

struct Route<'a>(&'a Message<'a>);

impl fmt::Display for Route<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Message { src, claimed_src, dest, body, .. } = self.0;
        let dest = match dest {
            Addressee::Host(endpoint) => endpoint.id.as_str(),
            Addressee::Unknown(name) => name,
        };
        write!(formatter, "{}", src.id)?;
        if let Some(claimed) = claimed_src {
            write!(formatter, " as {claimed}")?;
        }
        write!(formatter, " -> {dest} {body}")
    }
}

impl Trace for Transcript {
    fn sent(&mut self, now: Time, message: &Message<'_>) {
        self.line(now, format_args!("{} sent {}", message.number, Route(message)));
    }

    fn delivered(&mut self, now: Time, message: &Message<'_>) {
        self.line(now, format_args!("{} delivered {}", message.number, Route(message)));
    }

    fn dropped(&mut self, now: Time, number: u64, reason: &DropReason) {
        self.line(now, format_args!("{number} dropped: {reason}"));
    }

    fn overflowed(&mut self, now: Time, src: &Endpoint, dest: &Endpoint) {
        self.line(now, format_args!("{} sends too much to {}", src.id, dest.id));
    }
}

impl Driver {
    /// Nodes `n0` and `n1`, a client `c0` and the service `lin-kv`, ten milliseconds apart.
    fn new() -> Self {
        let options = NetworkOptions {
            seed: 1,
            latency: Latency::constant_ms(10.0),
            max_scheduling_delay: Duration::ZERO,
            arrives_at_once: false,
            in_flight_limit_bytes: 1000,
        };
        let mut network = Network::new(options, PlanningOrder::default());
        for (name, role) in [
            ("n0", HostRole::Node),
            ("n1", HostRole::Node),
            ("c0", HostRole::Client),
            ("lin-kv", HostRole::Service),
        ] {
            network.add(name.into(), role, EndpointKind::Local, true);
        }
        Self { network, trace: Transcript::default(), now: Time::ZERO }
    }

    fn host(&self, name: &str) -> HostIndex {
        self.network.find(name).expect("the host was added")
    }

    fn send(&mut self, src: &str, dest: &str, body: &str) -> Sent {
        let src = self.host(src);
        let outgoing = Outgoing { src, claimed_src: None, dest, body };
        self.network.send(self.now, outgoing, &mut self.trace)
    }

    fn end(&mut self, host: HostIndex, presence: Presence) {
        self.network.end(self.now, host, presence, &mut self.trace);
    }

    /// Lets everything arrive that is due by then, and every host take it.
    fn drive(&mut self, until_ms: u64) {
        let until = Time::from_ns(until_ms * 1_000_000);
        while let Some(due) = self.network.next_due().filter(|due| due.time <= until) {
            self.now = due.time;
            if let Some((arrival, body)) = self.network.arrive(self.now, &mut self.trace) {
                self.network.delivered(self.now, &arrival, &body, &mut self.trace);
                self.network.recycle(body);
            }
        }
        self.now = until;
    }

    #[track_caller]
    fn check(&mut self, expected: &str) {
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let trace: Vec<&str> = self.trace.0.lines().map(str::trim).collect();
        assert_eq!(trace, expected, "\n{}", self.trace.0);
        self.trace.0.clear();
    }
}

#[test]
fn links_between_nodes_and_services_have_latency_and_those_of_clients_none() {
    let mut driver = Driver::new();
    driver.send("n0", "n1", "{}");
    driver.send("n0", "lin-kv", "{}");
    driver.send("n0", "c0", "{}");
    driver.send("c0", "n0", "{}");
    driver.drive(100);
    driver.check(
        "0 ms  0 sent n0 -> n1 {}
         0 ms  1 sent n0 -> lin-kv {}
         0 ms  2 sent n0 -> c0 {}
         0 ms  3 sent c0 -> n0 {}
         0 ms  2 delivered n0 -> c0 {}
         0 ms  3 delivered c0 -> n0 {}
        10 ms  0 delivered n0 -> n1 {}
        10 ms  1 delivered n0 -> lin-kv {}",
    );
    let NetworkStatistics { all, clients, servers } = driver.network.statistics();
    assert_eq!((all.recv_count, clients.recv_count, servers.recv_count), (4, 2, 2));
}

#[test]
fn a_rule_that_stands_when_a_message_is_due_decides_on_it() {
    let mut driver = Driver::new();
    driver.send("n0", "n1", "1");
    let cut = driver.network.install_rule(Box::new(Partition::directed([("n0".into(), "n1".into())])));
    driver.drive(10);
    driver.send("n0", "n1", "2");
    driver.send("n1", "n0", "3");
    assert!(driver.network.remove_rule(cut) && !driver.network.remove_rule(cut));
    driver.drive(20);
    driver.check(
        " 0 ms  0 sent n0 -> n1 1
         10 ms  0 dropped: partition
         10 ms  1 sent n0 -> n1 2
         10 ms  2 sent n1 -> n0 3
         20 ms  1 delivered n0 -> n1 2
         20 ms  2 delivered n1 -> n0 3",
    );
}

#[test]
fn a_copy_and_a_delay_are_planned_and_a_loss_ends_the_message() {
    let mut driver = Driver::new();
    let lag = Duration::from_millis(1);
    let duplication = driver.network.install_rule(Box::new(Duplication { probability: 1.0, lag }));
    driver.send("n0", "n1", "1");
    driver.network.remove_rule(duplication);
    driver.network.install_rule(Box::new(Loss { probability: 1.0 }));
    driver.send("n0", "n1", "2");
    driver.drive(20);
    let statistics = driver.network.statistics().servers;
    assert_eq!((statistics.send_count, statistics.recv_count, statistics.msg_count), (2, 2, 2));
    let delivered = driver.trace.0.lines().filter(|line| line.contains("0 delivered")).count();
    assert_eq!(delivered, 2, "{}", driver.trace.0);
    assert!(driver.trace.0.contains("1 dropped: loss"), "{}", driver.trace.0);
}

#[test]
fn a_message_finds_its_receiver_by_name() {
    let mut driver = Driver::new();
    driver.send("n0", "n1", "1");
    driver.end(driver.host("n1"), Presence::Dead);
    driver.send("n0", "n1", "2");
    driver.drive(5);
    driver.network.add("n1".into(), HostRole::Node, EndpointKind::Local, true);
    driver.drive(20);
    driver.end(driver.host("n1"), Presence::Dead);
    driver.send("n0", "n1", "3");
    driver.end(driver.host("c0"), Presence::Removed);
    driver.send("n0", "c0", "4");
    assert_eq!(driver.send("n0", "n9", "5"), Sent::UnknownDestination);
    driver.drive(40);
    driver.check(
        " 0 ms  0 sent n0 -> n1 1
          0 ms  1 sent n0 -> n1 2
         10 ms  0 delivered n0 -> n1 1
         10 ms  1 delivered n0 -> n1 2
         20 ms  2 sent n0 -> n1 3
         20 ms  3 sent n0 -> c0 4
         20 ms  3 dropped: removed host
         20 ms  4 sent n0 -> n9 5
         20 ms  4 dropped: unknown destination
         30 ms  2 dropped: dead host",
    );
}

#[test]
fn what_is_under_way_to_one_host_is_bounded() {
    let mut driver = Driver::new();
    for _ in 0..3 {
        driver.send("n0", "n1", &"x".repeat(350));
    }
    driver.drive(10);
    driver.send("n0", "n1", "1");
    driver.drive(20);
    let trace = driver.trace.0.replace(&"x".repeat(350), "x");
    driver.trace.0 = trace;
    driver.check(
        " 0 ms  0 sent n0 -> n1 x
          0 ms  1 sent n0 -> n1 x
          0 ms  2 sent n0 -> n1 x
          0 ms  2 dropped: overflow
          0 ms  n0 sends too much to n1
         10 ms  0 delivered n0 -> n1 x
         10 ms  1 delivered n0 -> n1 x
         10 ms  3 sent n0 -> n1 1
         20 ms  3 delivered n0 -> n1 1",
    );
}

#[test]
fn where_messages_arrive_at_once_two_local_hosts_still_take_turns() {
    let mut driver = Driver::new();
    driver.network.options.arrives_at_once = true;
    let process = driver.network.add("n2".into(), HostRole::Node, EndpointKind::Process, true);
    assert_eq!(
        driver.send("c0", "n2", "{}"),
        Sent::Arrived(Arrival { number: 0, src: driver.host("c0"), claimed_src: None, dest: process })
    );
    assert!(matches!(driver.send("n2", "c0", "{}"), Sent::Arrived(_)));
    assert_eq!(driver.send("c0", "n1", "{}"), Sent::Accepted);
    assert_eq!(driver.send("n2", "n1", "{}"), Sent::Accepted, "this link has latency");
}

#[test]
fn a_paused_host_gets_what_arrived_in_order_when_it_resumes_and_rules_are_not_asked_again() {
    for kind in [EndpointKind::Local, EndpointKind::Process] {
        let mut driver = Driver::new();
        let host = driver.network.add("n2".into(), HostRole::Node, kind, true);
        let link = || Partition::directed([("n0".into(), "n2".into())]);
        assert!(driver.network.pause(host) && !driver.network.pause(host));
        driver.send("n0", "n2", "1");
        driver.drive(10);
        let cut = driver.network.install_rule(Box::new(link()));
        driver.send("n0", "n2", "2");
        driver.drive(20);
        driver.network.remove_rule(cut);
        driver.send("n1", "n2", "3");
        driver.drive(30);
        driver.network.install_rule(Box::new(link()));
        assert!(driver.network.resume(driver.now, host) && !driver.network.resume(driver.now, host));
        driver.send("c0", "n2", "4");
        driver.drive(40);
        driver.check(
            " 0 ms  0 sent n0 -> n2 1
             10 ms  1 sent n0 -> n2 2
             20 ms  1 dropped: partition
             20 ms  2 sent n1 -> n2 3
             30 ms  3 sent c0 -> n2 4
             30 ms  0 delivered n0 -> n2 1
             30 ms  2 delivered n1 -> n2 3
             30 ms  3 delivered c0 -> n2 4",
        );
    }
}

#[test]
fn nothing_overtakes_what_was_held_back() {
    let mut driver = Driver::new();
    driver.network.options.arrives_at_once = true;
    driver.network.options.latency = Latency::NONE;
    let host = driver.network.add("n2".into(), HostRole::Node, EndpointKind::Process, true);
    driver.network.pause(host);
    assert_eq!(driver.send("c0", "n2", "1"), Sent::Accepted);
    driver.drive(1);
    driver.network.resume(driver.now, host);
    assert_eq!(driver.send("c0", "n2", "2"), Sent::Accepted);
    driver.drive(2);
    assert!(matches!(driver.send("c0", "n2", "3"), Sent::Arrived(_)));
    driver.check(
        "0 ms  0 sent c0 -> n2 1
         1 ms  1 sent c0 -> n2 2
         1 ms  0 delivered c0 -> n2 1
         1 ms  1 delivered c0 -> n2 2
         2 ms  2 sent c0 -> n2 3",
    );
}

#[test]
fn what_a_host_held_back_dies_with_it() {
    let mut driver = Driver::new();
    let host = driver.host("n1");
    driver.network.pause(host);
    driver.send("n0", "n1", "1");
    driver.drive(10);
    driver.send("n0", "n1", "2");
    driver.end(host, Presence::Dead);
    driver.network.add("n1".into(), HostRole::Node, EndpointKind::Local, true);
    driver.drive(20);
    driver.check(
        " 0 ms  0 sent n0 -> n1 1
         10 ms  1 sent n0 -> n1 2
         10 ms  0 dropped: unread
         20 ms  1 delivered n0 -> n1 2",
    );
    assert_eq!(driver.network.endpoint(host).in_flight_bytes, 0);
}

#[test]
fn a_delivery_that_was_never_read_is_taken_back() {
    let mut driver = Driver::new();
    driver.send("c0", "n0", "1");
    let (arrival, body) = driver.network.arrive(driver.now, &mut driver.trace).expect("it is due");
    driver.network.delivered(driver.now, &arrival, &body, &mut driver.trace);
    driver.network.lost_unread(driver.now, &arrival, &DropReason::Unread, &mut driver.trace);
    assert_eq!(driver.network.statistics().clients.recv_count, 0);
    driver.check(
        "0 ms  0 sent c0 -> n0 1
         0 ms  0 delivered c0 -> n0 1
         0 ms  0 dropped: unread",
    );
}

#[test]
fn what_peers_ask_waits_until_init_is_answered() {
    for kind in [EndpointKind::Local, EndpointKind::Process] {
        let mut driver = Driver::new();
        driver.network.options.latency = Latency::NONE;
        driver.network.add("n2".into(), HostRole::Node, kind, false);
        driver.send("n0", "n2", "1");
        driver.send("c0", "n2", "2");
        driver.send("n2", "n2", "3");
        driver.send("lin-kv", "n2", "4");
        driver.send("n1", "n2", r#"{"in_reply_to":5}"#);
        driver.send("n1", "n2", "6");
        driver.drive(1);
        driver.send("n2", "c0", r#"{"type":"init_ok"}"#);
        driver.send("n1", "n2", "8");
        driver.drive(2);
        driver.check(
            r#"0 ms  0 sent n0 -> n2 1
               0 ms  1 sent c0 -> n2 2
               0 ms  2 sent n2 -> n2 3
               0 ms  3 sent lin-kv -> n2 4
               0 ms  4 sent n1 -> n2 {"in_reply_to":5}
               0 ms  5 sent n1 -> n2 6
               0 ms  1 delivered c0 -> n2 2
               0 ms  2 delivered n2 -> n2 3
               0 ms  3 delivered lin-kv -> n2 4
               0 ms  4 delivered n1 -> n2 {"in_reply_to":5}
               1 ms  6 sent n2 -> c0 {"type":"init_ok"}
               1 ms  7 sent n1 -> n2 8
               1 ms  0 delivered n0 -> n2 1
               1 ms  5 delivered n1 -> n2 6
               1 ms  6 delivered n2 -> c0 {"type":"init_ok"}
               1 ms  7 delivered n1 -> n2 8"#,
        );
    }
}

#[test]
fn a_node_that_sends_to_a_peer_is_ready() {
    let mut driver = Driver::new();
    driver.network.options.latency = Latency::NONE;
    let host = driver.network.add("n2".into(), HostRole::Node, EndpointKind::Process, false);
    driver.send("n0", "n2", "1");
    driver.send("n2", "c0", "2");
    driver.drive(1);
    driver.send("n2", "n0", "3");
    driver.drive(2);
    driver.check(
        "0 ms  0 sent n0 -> n2 1
         0 ms  1 sent n2 -> c0 2
         0 ms  1 delivered n2 -> c0 2
         1 ms  2 sent n2 -> n0 3
         1 ms  0 delivered n0 -> n2 1
         1 ms  2 delivered n2 -> n0 3",
    );
    assert!(driver.network.endpoint(host).is_ready);
}

#[test]
fn what_waits_for_init_is_bounded_and_nobodys_fault() {
    let mut driver = Driver::new();
    driver.network.options.latency = Latency::NONE;
    let host = driver.network.add("n2".into(), HostRole::Node, EndpointKind::Process, false);
    for _ in 0..1000 {
        driver.send("n0", "n2", "1");
        driver.drive(1);
    }
    let dropped = driver.trace.0.lines().filter(|line| line.ends_with("dropped: overflow")).count();
    assert!((980..1000).contains(&dropped), "{dropped}");
    assert!(!driver.trace.0.contains("sends too much"), "{}", driver.trace.0);
    assert!(driver.network.endpoint(host).in_flight_bytes <= 1000);
}

#[test]
fn a_message_under_another_name_travels_the_link_of_its_sender() {
    let mut driver = Driver::new();
    driver.network.install_rule(Box::new(Partition::directed([("n1".into(), "n0".into())])));
    let mut send_as = |src: &str, claimed: &str| {
        let src = driver.host(src);
        let outgoing = Outgoing { src, claimed_src: Some(claimed), dest: "n0", body: "{}" };
        driver.network.send(driver.now, outgoing, &mut driver.trace);
    };
    send_as("n1", "c0");
    send_as("lin-kv", "nobody");
    let mut names = Vec::new();
    while let Some(due) = driver.network.next_due() {
        if let Some((arrival, _)) = driver.network.arrive(due.time, &mut driver.trace) {
            names.push(driver.network.src_name(&arrival).to_owned());
        }
    }
    assert_eq!(names, ["nobody"]);
    driver.check(
        " 0 ms  0 sent n1 as c0 -> n0 {}
          0 ms  1 sent lin-kv as nobody -> n0 {}
         10 ms  0 dropped: partition",
    );
}
