//! The network by itself: no hosts, no clock; what goes in, and the whole trace that comes out.

use std::fmt::Write as _;

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
    fn line(&mut self, now: Time, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{:>3} ms  {line}", now.as_ns() / 1_000_000).expect("a string takes any text");
    }
}

impl Trace for Transcript {
    fn sent(&mut self, now: Time, number: u64, src: &Endpoint, dest: Addressee<'_>, body: &str) {
        let dest = match dest {
            Addressee::Host(endpoint) => endpoint.id.as_str(),
            Addressee::Unknown(name) => name,
        };
        self.line(now, format_args!("{number} sent {} -> {dest} {body}", src.id));
    }

    fn delivered(&mut self, now: Time, message: &Message<'_>) {
        let Message { number, src, dest, body } = message;
        self.line(now, format_args!("{number} delivered {} -> {} {body}", src.id, dest.id));
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
            network.add(name.into(), role, EndpointKind::Local);
        }
        Self { network, trace: Transcript::default(), now: Time::ZERO }
    }

    fn host(&self, name: &str) -> HostIndex {
        self.network.find(name).expect("the host was added")
    }

    fn send(&mut self, src: &str, dest: &str, body: &str) -> Sent {
        let src = self.host(src);
        self.network.send(self.now, src, dest, body, &mut self.trace)
    }

    /// Lets everything arrive that is due by then, and every host take it.
    fn drive(&mut self, until_ms: u64) {
        let until = Time::from_ns(until_ms * 1_000_000);
        while let Some(due) = self.network.next_due().filter(|due| due.time <= until) {
            self.now = due.time;
            if let Some((arrival, body)) = self.network.arrive(self.now, &mut self.trace) {
                self.network.delivered(self.now, arrival, &body, &mut self.trace);
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
    driver.network.end(driver.now, driver.host("n1"), Presence::Dead);
    driver.send("n0", "n1", "2");
    driver.drive(5);
    driver.network.add("n1".into(), HostRole::Node, EndpointKind::Local);
    driver.drive(20);
    driver.network.end(driver.now, driver.host("n1"), Presence::Dead);
    driver.send("n0", "n1", "3");
    driver.network.end(driver.now, driver.host("c0"), Presence::Removed);
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
    let process = driver.network.add("n2".into(), HostRole::Node, EndpointKind::Process);
    assert_eq!(
        driver.send("c0", "n2", "{}"),
        Sent::Arrived(Arrival { number: 0, src: driver.host("c0"), dest: process })
    );
    assert!(matches!(driver.send("n2", "c0", "{}"), Sent::Arrived(_)));
    assert_eq!(driver.send("c0", "n1", "{}"), Sent::Accepted);
    assert_eq!(driver.send("n2", "n1", "{}"), Sent::Accepted, "this link has latency");
}
