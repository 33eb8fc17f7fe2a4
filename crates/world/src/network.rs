//! The network: takes messages from hosts, lets latency and rules decide what becomes of each, and gives them back when they arrive.
//!
//! It does no I/O, reads no clock and knows no program: the time goes in with each call, what arrives comes out, and every step of
//! every message is told to a [`Trace`]. The world hands what arrives to the host and reports back whether the host took it.
//!
//! - `endpoint`: what the network knows of its hosts.
//! - `in_flight`: the messages under way; `readiness`: which of them wait until a node has answered init.
//! - `latency`, `rules`: when a message arrives, if it does; `drop_reason`: why not.
//! - `statistics`: how many there were.

mod drop_reason;
mod endpoint;
mod in_flight;
mod latency;
mod readiness;
mod rules;
mod statistics;

#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::Duration;

use glomers_node::{NodeId, Random, Time};

use crate::ids::{HostIndex, HostRole};
use crate::schedule::{Due, PlanningOrder, Schedule};

pub use drop_reason::DropReason;
use endpoint::Endpoints;
pub(crate) use endpoint::{Endpoint, EndpointKind, Presence};
use in_flight::{InFlight, InFlightStore};
pub use latency::{Latency, LatencyDistribution};
use rules::Rules;
pub use rules::{
    Duplication, Flakiness, Links, Loss, Packet, Partition, Reordering, Rule, RuleId, Slowness, Verdict,
};
pub use statistics::{MessageCounts, NetworkStatistics};

/// The hosts' names and the messages between them.
#[derive(Debug)]
pub(crate) struct Network {
    options: NetworkOptions,
    endpoints: Endpoints,
    /// The slots of the messages under way, ordered by when each is due.
    arrivals: Schedule<u32>,
    in_flight: InFlightStore,
    rules: Rules,
    statistics: NetworkStatistics,
    next_message: u64,
    latency_random: Random,
    scheduling_random: Random,
}

/// What a network is made from.
#[derive(Debug, Clone)]
pub(crate) struct NetworkOptions {
    pub(crate) seed: u64,
    /// The latency of links that involve no client.
    pub(crate) latency: Latency,
    /// A local host takes up to this long to notice a message.
    pub(crate) max_scheduling_delay: Duration,
    /// Whether a message that nothing delays arrives as it is sent. Otherwise every arrival is an event of its own.
    pub(crate) arrives_at_once: bool,
    /// When more than this is under way to one host, further messages to it are dropped.
    pub(crate) in_flight_limit_bytes: usize,
}

/// Told of every step of every message, in order.
///
/// A message ends as delivered or dropped, each copy by itself. A message that was dropped after it was delivered was never read: the
/// drop takes the delivery back.
pub(crate) trait Trace {
    /// A host handed a message to the network.
    fn sent(&mut self, now: Time, message: &Message<'_>);
    /// A message reached its receiver.
    fn delivered(&mut self, now: Time, message: &Message<'_>);
    /// A message, or one copy of it, will never arrive.
    fn dropped(&mut self, now: Time, number: u64, reason: &DropReason);
    /// So much is under way to a host that a message of this sender was dropped.
    fn overflowed(&mut self, now: Time, src: &Endpoint, dest: &Endpoint);
}

/// A message, as a [`Trace`] is told of it.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub(crate) number: u64,
    pub(crate) src: &'a Endpoint,
    pub(crate) claimed_src: Option<&'a str>,
    pub(crate) dest: Addressee<'a>,
    pub(crate) body: &'a str,
}

/// To whom a message goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Addressee<'a> {
    Host(&'a Endpoint),
    /// Nobody has that name.
    Unknown(&'a str),
}

/// A message that a host hands to the network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) src: HostIndex,
    /// The name under which it is sent, where that is not the sender's own. Its receiver sees no other; links and rules go by the
    /// sender.
    pub(crate) claimed_src: Option<&'a str>,
    pub(crate) dest: &'a str,
    pub(crate) body: &'a str,
}

/// What became of a message at its sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nobody has the name to which it was sent; it was dropped.
    UnknownDestination,
    /// It is under way, or lost.
    Accepted,
    /// It has arrived: hand it over now.
    Arrived(Arrival),
}

/// A message at its receiver. Whoever hands it over says what came of it: [`Network::delivered`] or [`Trace::dropped`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) number: u64,
    pub(crate) src: HostIndex,
    pub(crate) claimed_src: Option<Rc<str>>,
    pub(crate) dest: HostIndex,
}

impl Network {
    pub(crate) fn new(options: NetworkOptions, order: PlanningOrder) -> Self {
        Self {
            endpoints: Endpoints::default(),
            arrivals: Schedule::new(order),
            in_flight: InFlightStore::default(),
            rules: Rules::default(),
            statistics: NetworkStatistics::default(),
            next_message: 0,
            latency_random: Random::derive(options.seed, "network"),
            scheduling_random: Random::derive(options.seed, "scheduling"),
            options,
        }
    }

    /// Adds a host, which is alive. It takes over its name from whoever had it. `is_ready` says whether it needs no init message.
    pub(crate) fn add(
        &mut self,
        id: NodeId,
        role: HostRole,
        kind: EndpointKind,
        is_ready: bool,
    ) -> HostIndex {
        self.endpoints.add(id, role, kind, is_ready)
    }

    pub(crate) fn endpoint(&self, host: HostIndex) -> &Endpoint {
        self.endpoints.get(host)
    }

    /// The sender that a message's receiver is told of.
    pub(crate) fn src_name<'a>(&'a self, arrival: &'a Arrival) -> &'a str {
        arrival.claimed_src.as_deref().unwrap_or_else(|| self.endpoint(arrival.src).id.as_str())
    }

    /// The newest host of that name, dead or alive.
    pub(crate) fn find(&self, name: &str) -> Option<HostIndex> {
        self.endpoints.find(name)
    }

    /// How many hosts of that name there were.
    pub(crate) fn count_named(&self, id: &NodeId) -> usize {
        self.endpoints.count_named(id)
    }

    pub(crate) fn statistics(&self) -> NetworkStatistics {
        self.statistics
    }

    pub(crate) fn install_rule(&mut self, rule: Box<dyn Rule>) -> RuleId {
        self.rules.install(rule, self.options.seed)
    }

    /// Whether there was such a rule.
    pub(crate) fn remove_rule(&mut self, rule: RuleId) -> bool {
        self.rules.remove(rule)
    }

    /// Takes a message from a host.
    pub(crate) fn send(&mut self, now: Time, outgoing: Outgoing<'_>, trace: &mut impl Trace) -> Sent {
        let Outgoing { src, claimed_src, dest: dest_name, body } = outgoing;
        let number = self.next_message;
        self.next_message += 1;
        let found = self.endpoints.find(dest_name);
        let src_endpoint = self.endpoints.get(src);
        let addressee = match found {
            Some(dest) => Addressee::Host(self.endpoints.get(dest)),
            None => Addressee::Unknown(dest_name),
        };
        trace.sent(now, &Message { number, src: src_endpoint, claimed_src, dest: addressee, body });
        let Some(dest) = found else {
            trace.dropped(now, number, &DropReason::UnknownDestination);
            return Sent::UnknownDestination;
        };
        let dest_endpoint = self.endpoints.get(dest);
        if dest_endpoint.presence == Presence::Removed {
            trace.dropped(now, number, &DropReason::RemovedHost);
            return Sent::Accepted;
        }
        let (src_role, dest_role) = (src_endpoint.role, dest_endpoint.role);
        let is_to_peer = dest_role == HostRole::Node && dest != src;
        if !src_endpoint.is_ready && (is_to_peer || readiness::is_init_ok(body)) {
            self.endpoints.get_mut(src).is_ready = true;
            self.release(now, src);
        }
        self.statistics.count_sent(src_role, dest_role);
        let arrival = Arrival { number, src, claimed_src: claimed_src.map(Rc::from), dest };
        let mut delay = Duration::ZERO;
        if src_role != HostRole::Client && dest_role != HostRole::Client {
            delay = self.options.latency.draw(&mut self.latency_random);
        }
        if !self.rules.is_empty() {
            let judgement = self.rules.on_send(&packet(&self.endpoints, &arrival, body, now));
            if let Some(reason) = judgement.dropped {
                trace.dropped(now, number, &reason);
                return Sent::Accepted;
            }
            delay += judgement.delay;
            for later in judgement.copies {
                self.plan(now, delay + later, arrival.clone(), body, trace);
            }
        }
        if delay.is_zero() && self.can_arrive_at_once(src, dest) {
            return self.judge_arrival(now, arrival, body, trace).map_or(Sent::Accepted, Sent::Arrived);
        }
        self.plan(now, delay, arrival, body, trace);
        Sent::Accepted
    }

    /// When the next message is due.
    pub(crate) fn next_due(&self) -> Option<Due> {
        self.arrivals.next_due()
    }

    /// Takes the message that is due next, which is now. Returns it with its body if it arrives; give the body back with
    /// [`recycle`](Self::recycle).
    pub(crate) fn arrive(&mut self, now: Time, trace: &mut impl Trace) -> Option<(Arrival, String)> {
        let (_, slot) = self.arrivals.pop()?;
        let InFlight { arrival, body, has_arrived } = self.in_flight.take(slot);
        self.endpoints.get_mut(arrival.dest).in_flight_bytes -= weight(&body);
        let arrived = if has_arrived {
            self.endpoints.get_mut(arrival.dest).released_count -= 1;
            self.find_receiver(now, arrival, DropReason::Unread, trace)
        } else {
            let dest = self.endpoints.current_host_named(arrival.dest);
            self.judge_arrival(now, Arrival { dest, ..arrival }, &body, trace)
        };
        let Some(arrival) = arrived else {
            self.recycle(body);
            return None;
        };
        if self.must_wait(&arrival, &body) {
            self.hold(now, arrival, body, trace);
            return None;
        }
        Some((arrival, body))
    }

    /// Keeps the memory of a body for a later message.
    pub(crate) fn recycle(&mut self, body: String) {
        self.in_flight.recycle(body);
    }

    /// The host took a message that had arrived: a core was stepped with it, or the pipe of a process holds it.
    pub(crate) fn delivered(&mut self, now: Time, arrival: &Arrival, body: &str, trace: &mut impl Trace) {
        let (src, dest) = (self.endpoints.get(arrival.src), self.endpoints.get(arrival.dest));
        self.statistics.count_received(src.role, dest.role);
        let (claimed_src, dest) = (arrival.claimed_src.as_deref(), Addressee::Host(dest));
        trace.delivered(now, &Message { number: arrival.number, src, claimed_src, dest, body });
    }

    /// A message that was delivered was lost after all: the host ended before its program had read it.
    pub(crate) fn lost_unread(
        &mut self,
        now: Time,
        arrival: &Arrival,
        reason: &DropReason,
        trace: &mut impl Trace,
    ) {
        let (src, dest) = (self.endpoints.get(arrival.src), self.endpoints.get(arrival.dest));
        self.statistics.uncount_received(src.role, dest.role);
        trace.dropped(now, arrival.number, reason);
    }

    /// Holds back what arrives for a host. False where that is so already, or the host is not alive.
    pub(crate) fn pause(&mut self, host: HostIndex) -> bool {
        let endpoint = self.endpoints.get_mut(host);
        endpoint.is_alive() && !std::mem::replace(&mut endpoint.is_paused, true)
    }

    /// Lets a paused host have its messages again: what was held back is due now. False where it is not paused.
    pub(crate) fn resume(&mut self, now: Time, host: HostIndex) -> bool {
        let endpoint = self.endpoints.get_mut(host);
        if !endpoint.is_alive() || !std::mem::replace(&mut endpoint.is_paused, false) {
            return false;
        }
        self.release(now, host);
        true
    }

    /// Ends a host's presence. What was held back for it is lost.
    pub(crate) fn end(&mut self, now: Time, host: HostIndex, presence: Presence, trace: &mut impl Trace) {
        let endpoint = self.endpoints.get_mut(host);
        endpoint.presence = presence;
        endpoint.is_paused = false;
        for slot in std::mem::take(&mut endpoint.held) {
            let InFlight { arrival, body, .. } = self.in_flight.take(slot);
            self.endpoints.get_mut(host).in_flight_bytes -= weight(&body);
            self.recycle(body);
            trace.dropped(now, arrival.number, &DropReason::Unread);
        }
    }

    /// Plans what was held back for a host, for now and in order. What must wait still is held back again.
    fn release(&mut self, now: Time, host: HostIndex) {
        let endpoint = self.endpoints.get_mut(host);
        let held = std::mem::take(&mut endpoint.held);
        endpoint.released_count += held.len();
        for slot in held {
            self.arrivals.plan(now, slot);
        }
    }

    /// Whether a message that has arrived must wait at its host.
    fn must_wait(&self, arrival: &Arrival, body: &str) -> bool {
        let (src, dest) = (self.endpoints.get(arrival.src), self.endpoints.get(arrival.dest));
        let is_from_peer = src.role == HostRole::Node && src.id != dest.id;
        dest.is_paused || (!dest.is_ready && is_from_peer && !readiness::is_reply(body))
    }

    /// Holds back a message that has arrived, unless too much is held already. That is nobody's fault.
    fn hold(&mut self, now: Time, arrival: Arrival, body: String, trace: &mut impl Trace) {
        let endpoint = self.endpoints.get_mut(arrival.dest);
        if endpoint.in_flight_bytes + weight(&body) > self.options.in_flight_limit_bytes {
            trace.dropped(now, arrival.number, &DropReason::Overflow);
            return self.recycle(body);
        }
        endpoint.in_flight_bytes += weight(&body);
        let slot = self.in_flight.insert(InFlight { arrival, body, has_arrived: true });
        endpoint.held.push_back(slot);
    }

    /// Asks the rules, and looks whether the receiver is there. Returns the arrival if both let it through.
    fn judge_arrival(
        &mut self,
        now: Time,
        arrival: Arrival,
        body: &str,
        trace: &mut impl Trace,
    ) -> Option<Arrival> {
        if !self.rules.is_empty() {
            let judgement = self.rules.on_deliver(&packet(&self.endpoints, &arrival, body, now));
            if let Some(reason) = judgement.dropped {
                trace.dropped(now, arrival.number, &reason);
                return None;
            }
            for later in judgement.copies {
                self.plan(now, judgement.delay + later, arrival.clone(), body, trace);
            }
            if !judgement.delay.is_zero() {
                self.plan(now, judgement.delay, arrival, body, trace);
                return None;
            }
        }
        self.find_receiver(now, arrival, DropReason::DeadHost, trace)
    }

    /// Looks whether the receiver is there; `if_dead` says why not where it was killed.
    fn find_receiver(
        &self,
        now: Time,
        arrival: Arrival,
        if_dead: DropReason,
        trace: &mut impl Trace,
    ) -> Option<Arrival> {
        let reason = match self.endpoints.get(arrival.dest).presence {
            Presence::Alive => return Some(arrival),
            Presence::Dead => if_dead,
            Presence::Removed => DropReason::RemovedHost,
        };
        trace.dropped(now, arrival.number, &reason);
        None
    }

    /// Whether a message can be handed over while its sender's turn lasts. A local host must not be stepped from within another's
    /// step, or the two could call each other without end.
    fn can_arrive_at_once(&self, src: HostIndex, dest: HostIndex) -> bool {
        let (src, dest) = (self.endpoints.get(src), self.endpoints.get(dest));
        let may_wait = dest.may_hold() || (!dest.is_ready && src.role == HostRole::Node);
        self.options.arrives_at_once && !(src.is_local() && dest.is_local()) && !may_wait
    }

    /// Puts a message on its way, unless too much is under way to that host already.
    fn plan(&mut self, now: Time, delay: Duration, arrival: Arrival, body: &str, trace: &mut impl Trace) {
        let due = now + delay + self.draw_scheduling_delay(arrival.dest);
        let endpoint = self.endpoints.get_mut(arrival.dest);
        if endpoint.in_flight_bytes + weight(body) > self.options.in_flight_limit_bytes {
            trace.dropped(now, arrival.number, &DropReason::Overflow);
            let (src, dest) = (self.endpoints.get(arrival.src), self.endpoints.get(arrival.dest));
            // A host that is suspended or not ready cannot take anything: that is nobody's fault.
            if !dest.is_paused && dest.is_ready {
                trace.overflowed(now, src, dest);
            }
            return;
        }
        endpoint.in_flight_bytes += weight(body);
        let body = self.in_flight.copy(body);
        let slot = self.in_flight.insert(InFlight { arrival, body, has_arrived: false });
        self.arrivals.plan(due, slot);
    }

    /// How long a local host takes to notice a message.
    fn draw_scheduling_delay(&mut self, dest: HostIndex) -> Duration {
        let max_ns = u64::try_from(self.options.max_scheduling_delay.as_nanos()).unwrap_or(u64::MAX);
        if max_ns == 0 || !self.endpoints.get(dest).is_local() {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.scheduling_random.below(max_ns.saturating_add(1).max(1)))
    }
}

fn packet<'a>(endpoints: &'a Endpoints, arrival: &Arrival, body: &'a str, now: Time) -> Packet<'a> {
    let (src, dest) = (endpoints.get(arrival.src), endpoints.get(arrival.dest));
    Packet {
        message: arrival.number,
        src: &src.id,
        src_role: src.role,
        dest: &dest.id,
        dest_role: dest.role,
        body,
        now,
    }
}

/// What a message under way costs, in bytes of memory.
fn weight(body: &str) -> usize {
    const ENTRY_BYTES: usize = 96;
    body.len() + ENTRY_BYTES
}
