//! The way of a message: sent, delayed, judged by the rules, delivered or dropped.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use glomers_node::{Input, NodeCore, NodeId, RawValue, Time};

use crate::clock::ClockKind;
use crate::complaint::{Complaint, Fault};
use crate::host::{Host, HostIndex, HostRole, HostState};
use crate::journal::{DropReason, WireEntry};
use crate::process::Overflow;
use crate::queue::Event;
use crate::rules::Packet;
use crate::watch::{Passage, PassageEnd, Watcher};
use crate::world::World;

/// Nobody has the name to which a message was sent.
pub(crate) struct UnknownDestination;

/// A body, with its parsed form where the sender's line was parsed already.
#[derive(Clone, Copy)]
pub(crate) enum BodyText<'a> {
    Parsed(&'a RawValue),
    Text(&'a str),
}

/// A message that is delivered now.
#[derive(Clone, Copy)]
struct Arrival<'a> {
    message: u64,
    src: HostIndex,
    dest: HostIndex,
    body: BodyText<'a>,
}

impl<'a> BodyText<'a> {
    fn as_str(self) -> &'a str {
        match self {
            Self::Parsed(body) => body.get(),
            Self::Text(body) => body,
        }
    }
}

impl World {
    /// Takes a message from a host. It is delivered before this returns where nothing delays it, and is planned otherwise.
    pub(crate) fn send(
        &mut self,
        src: HostIndex,
        dest_name: &str,
        body: BodyText<'_>,
    ) -> Result<(), UnknownDestination> {
        let message = self.next_message;
        self.next_message += 1;
        let now = self.clock.now();
        let dest = self.names.get(dest_name).copied();
        let src_name = self.journal.host_name(src.0, self.hosts[src.slot()].id.as_str());
        let recorded_name = match dest {
            Some(dest) => self.journal.host_name(dest.0, dest_name),
            None => self.journal.foreign_name(dest_name),
        };
        self.journal.append(
            now,
            WireEntry::Sent { message, src: src_name, dest: recorded_name, body: body.as_str() },
        );
        let Some(dest) = dest else {
            self.drop_message(message, &DropReason::UnknownDestination);
            return Err(UnknownDestination);
        };
        let arrival = Arrival { message, src, dest, body };
        if let HostState::Departed = self.hosts[dest.slot()].state {
            self.drop_message(message, &DropReason::DepartedHost);
            return Ok(());
        }
        let (src_role, dest_role) = (self.hosts[src.slot()].role, self.hosts[dest.slot()].role);
        self.statistics.count_sent(src_role, dest_role);
        self.show(PassageEnd::Sent, arrival);
        let mut delay = Duration::ZERO;
        if src_role != HostRole::Client && dest_role != HostRole::Client {
            delay = self.options.latency.draw(&mut self.network_random);
        }
        if !self.rules.is_empty() {
            let packet = packet(&self.hosts, arrival, now);
            let judgement = self.rules.on_send(&packet);
            if let Some(reason) = judgement.dropped {
                self.drop_message(message, &reason);
                return Ok(());
            }
            delay += judgement.delay;
            for later in judgement.copies {
                self.plan_arrival(arrival, delay + later);
            }
        }
        if delay.is_zero() && self.can_deliver_directly(src, dest) {
            self.deliver(arrival);
        } else {
            self.plan_arrival(arrival, delay);
        }
        Ok(())
    }

    /// Delivers a message whose time has come.
    pub(crate) fn deliver_planned(&mut self, place: u32) {
        let dest = self.present_life_of(self.queue.message(place).dest);
        let host = &mut self.hosts[dest.slot()];
        if host.is_paused
            && let HostState::Local(local) = &mut host.state
        {
            local.held.push_back(place);
            return;
        }
        let taken = self.queue.take_message(place);
        self.hosts[taken.dest.slot()].awaited_bytes -= weight(&taken.body);
        let body = BodyText::Text(&taken.body);
        self.deliver(Arrival { message: taken.message, src: taken.src, dest, body });
        self.queue.recycle(taken.body);
    }

    /// A message finds its receiver by name, as on any network: one that was sent before a node was killed reaches the node that was
    /// started in its place.
    fn present_life_of(&self, dest: HostIndex) -> HostIndex {
        let place = &self.hosts[dest.slot()];
        if place.state.is_alive() { dest } else { self.find(&place.id).unwrap_or(dest) }
    }

    /// Plans anew the messages that a paused host was kept from.
    pub(crate) fn release(&mut self, held: VecDeque<u32>) {
        let now = self.clock.now();
        for place in held {
            self.queue.plan(now, Event::Message(place));
        }
    }

    /// Steps a local host whose deadline has come, or that was given a task.
    pub(crate) fn tick(&mut self, host: HostIndex) {
        let now = self.clock.now();
        if let HostState::Local(local) = &mut self.hosts[host.slot()].state {
            local.core.step(now, Input::Tick, &mut self.outputs);
            self.send_outputs(host);
        }
    }

    /// Wakes a local host for the deadline for which it was armed, unless that is stale.
    pub(crate) fn handle_deadline(&mut self, host: HostIndex, due: Time) {
        let place = &mut self.hosts[host.slot()];
        let HostState::Local(local) = &mut place.state else { return };
        if local.armed != Some(due) {
            return;
        }
        local.armed = None;
        if place.is_paused {
            // Resuming steps the host, and arms it again.
            return;
        }
        if local.core.deadline().is_some_and(|deadline| deadline <= self.clock.now()) {
            self.tick(host);
        } else {
            self.arm(host);
        }
    }

    /// Plans the wake-up of a local host, if none is planned that is as early. A wake-up that comes too early arms the next one, so
    /// that a deadline which moves with every message costs no entry in the queue.
    pub(crate) fn arm(&mut self, host: HostIndex) {
        let HostState::Local(local) = &mut self.hosts[host.slot()].state else { return };
        let Some(deadline) = local.core.deadline() else { return };
        if local.armed.is_none_or(|armed| deadline < armed) {
            local.armed = Some(deadline);
            self.queue.plan(deadline, Event::HostDeadline(host));
        }
    }

    fn deliver(&mut self, arrival: Arrival<'_>) {
        let Arrival { message, dest, .. } = arrival;
        let now = self.clock.now();
        if !self.rules.is_empty() {
            let packet = packet(&self.hosts, arrival, now);
            let judgement = self.rules.on_deliver(&packet);
            if let Some(reason) = judgement.dropped {
                return self.drop_message(message, &reason);
            }
            for later in judgement.copies {
                self.plan_arrival(arrival, judgement.delay + later);
            }
            if !judgement.delay.is_zero() {
                return self.plan_arrival(arrival, judgement.delay);
            }
        }
        match &self.hosts[dest.slot()].state {
            HostState::Local(_) => self.deliver_to_local(arrival),
            HostState::Process(_) => self.deliver_to_process(arrival),
            HostState::Dead => self.drop_message(message, &DropReason::DeadHost),
            HostState::Departed => self.drop_message(message, &DropReason::DepartedHost),
        }
    }

    fn deliver_to_local(&mut self, arrival: Arrival<'_>) {
        let Arrival { message, src, dest, body } = arrival;
        let now = self.clock.now();
        self.record_delivery(arrival);
        let reparsed;
        let body = match body {
            BodyText::Parsed(body) => body,
            BodyText::Text(text) => {
                reparsed = serde_json::from_str::<&RawValue>(text);
                match &reparsed {
                    Ok(body) => *body,
                    Err(error) => {
                        unreachable!("message {message} is JSON, its sender wrote it as such: {error}")
                    }
                }
            }
        };
        let src_id: NodeId = self.hosts[src.slot()].id.clone();
        let Some((id, local)) = local_parts(&mut self.hosts[dest.slot()]) else { return };
        local.step(now, Input::Message { src: src_id.as_str(), dest: id.as_str(), body }, &mut self.outputs);
        self.send_outputs(dest);
    }

    fn deliver_to_process(&mut self, arrival: Arrival<'_>) {
        let Arrival { message, src, dest, body } = arrival;
        let src_id = self.hosts[src.slot()].id.clone();
        let place = &mut self.hosts[dest.slot()];
        let HostState::Process(process) = &mut place.state else { return };
        if process.stdin.is_none() {
            return self.drop_message(message, &DropReason::InputClosed);
        }
        match process.input.push(message, src_id.as_str(), place.id.as_str(), body.as_str()) {
            Ok(()) => {
                process.is_overflowing = false;
                if !process.is_dirty && !process.is_blocked {
                    process.is_dirty = true;
                    self.dirty.push(dest);
                }
                self.record_delivery(arrival);
            }
            Err(Overflow) => {
                // A node that is stopped cannot read: that is nobody's fault.
                let is_new = !place.is_paused && !std::mem::replace(&mut process.is_overflowing, true);
                self.drop_message(message, &DropReason::Overflow);
                if is_new {
                    let limit_bytes = self.options.limits.input_bytes;
                    self.complain(dest, |node| Complaint::new(node, Fault::InputOverflow { limit_bytes }));
                }
            }
        }
    }

    /// Sends what a local host's step put out.
    fn send_outputs(&mut self, host: HostIndex) {
        self.arm(host);
        if self.outputs.is_empty() {
            return;
        }
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.iter() {
            let sent = self.send(host, output.dest.as_str(), BodyText::Text(output.body));
            if let Err(UnknownDestination) = sent {
                self.complain(host, |node| {
                    Complaint::new(node, Fault::unknown_destination(output.dest.as_str()))
                });
            }
        }
        outputs.clear();
        self.outputs = outputs;
    }

    /// Whether a message can be handed over while its sender's turn lasts. In virtual time every delivery is an event of its own; and
    /// a local host must not be stepped from within another's step, or the two could call each other without end.
    fn can_deliver_directly(&self, src: HostIndex, dest: HostIndex) -> bool {
        self.clock.kind() == ClockKind::Real
            && !(self.is_local(src) && self.is_local(dest))
            && !self.is_held(dest)
    }

    fn is_local(&self, host: HostIndex) -> bool {
        matches!(self.hosts[host.slot()].state, HostState::Local(_))
    }

    fn is_held(&self, host: HostIndex) -> bool {
        self.hosts[host.slot()].is_paused && self.is_local(host)
    }

    /// Plans a delivery, unless too much is under way to that host already.
    fn plan_arrival(&mut self, arrival: Arrival<'_>, delay: Duration) {
        let Arrival { message, src, dest, body } = arrival;
        let due = self.clock.now() + delay + self.draw_scheduling_delay(dest);
        let limit_bytes = self.options.limits.input_bytes;
        let place = &mut self.hosts[dest.slot()];
        if place.awaited_bytes + weight(body.as_str()) > limit_bytes {
            let (dest, is_paused) = (place.id.to_string(), place.is_paused);
            self.drop_message(message, &DropReason::Overflow);
            if !is_paused {
                self.complain(src, |node| Complaint::new(node, Fault::NetworkOverflow { dest, limit_bytes }));
            }
            return;
        }
        place.awaited_bytes += weight(body.as_str());
        self.queue.plan_message(due, message, src, dest, body.as_str());
    }

    /// How long a local host takes to notice a message, in virtual time.
    fn draw_scheduling_delay(&mut self, dest: HostIndex) -> Duration {
        let max_ns = u64::try_from(self.options.max_scheduling_delay.as_nanos()).unwrap_or(u64::MAX);
        if self.clock.kind() == ClockKind::Real || max_ns == 0 || !self.is_local(dest) {
            return Duration::ZERO;
        }
        Duration::from_nanos(self.scheduling_random.below(max_ns.saturating_add(1).max(1)))
    }

    fn record_delivery(&mut self, arrival: Arrival<'_>) {
        self.journal.append(self.clock.now(), WireEntry::Delivered { message: arrival.message });
        let (src, dest) = (&self.hosts[arrival.src.slot()], &self.hosts[arrival.dest.slot()]);
        self.statistics.count_received(src.role, dest.role);
        self.show(PassageEnd::Delivered, arrival);
    }

    fn show(&mut self, end: PassageEnd, arrival: Arrival<'_>) {
        let Some(Watcher(watcher)) = &mut self.watcher else { return };
        let Arrival { message, src, dest, body } = arrival;
        let (src, dest) = (&self.hosts[src.slot()].id, &self.hosts[dest.slot()].id);
        watcher(&Passage { end, time: self.clock.now(), message, src, dest, body: body.as_str() });
    }

    fn drop_message(&mut self, message: u64, reason: &DropReason) {
        self.journal.append(self.clock.now(), WireEntry::Dropped { message, reason: Cow::Borrowed(reason) });
    }
}

fn packet<'a>(hosts: &'a [Host], arrival: Arrival<'a>, now: Time) -> Packet<'a> {
    let (src, dest) = (&hosts[arrival.src.slot()], &hosts[arrival.dest.slot()]);
    Packet {
        message: arrival.message,
        src: &src.id,
        src_role: src.role,
        dest: &dest.id,
        dest_role: dest.role,
        body: arrival.body.as_str(),
        now,
    }
}

/// What a message under way costs, in bytes of memory.
fn weight(body: &str) -> usize {
    const ENTRY_BYTES: usize = 96;
    body.len() + ENTRY_BYTES
}

fn local_parts(host: &mut Host) -> Option<(&NodeId, &mut NodeCore)> {
    match &mut host.state {
        HostState::Local(local) => Some((&host.id, &mut local.core)),
        _ => None,
    }
}
