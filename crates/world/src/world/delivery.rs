//! Between the hosts and the network: what a host sends goes in, what arrives is handed to its host.

use std::borrow::Cow;

use glomers_node::{Input, RawValue, Time};

use crate::host::Host;
use crate::ids::{HostIndex, HostRole};
use crate::network::{Arrival, DropReason, Outgoing, Sent, Trace};
use crate::process::Overflow;
use crate::services::Request;
use crate::violation::{ProtocolViolation, ViolationKind};
use crate::world::World;
use crate::world::turn::Timer;

/// Nobody has the name to which a message was sent.
pub(crate) struct UnknownDestination;

/// A body, with its parsed form where the sender's line was parsed already.
#[derive(Clone, Copy)]
pub(crate) enum BodyText<'a> {
    Parsed(&'a RawValue),
    Text(&'a str),
}

impl<'a> BodyText<'a> {
    fn as_str(self) -> &'a str {
        match self {
            Self::Parsed(body) => body.get(),
            Self::Text(body) => body,
        }
    }

    fn parsed(self) -> &'a RawValue {
        match self {
            Self::Parsed(body) => body,
            Self::Text(text) => serde_json::from_str(text)
                .unwrap_or_else(|error| unreachable!("{text:?} was written as JSON: {error}")),
        }
    }
}

impl World {
    /// Sends a message from a host. It is handed over before this returns where nothing delays it.
    pub(crate) fn send(
        &mut self,
        src: HostIndex,
        claimed_src: Option<&str>,
        dest: &str,
        body: BodyText<'_>,
    ) -> Result<(), UnknownDestination> {
        let outgoing = Outgoing { src, claimed_src, dest, body: body.as_str() };
        match self.network.send(self.clock.now(), outgoing, &mut self.records) {
            Sent::UnknownDestination => Err(UnknownDestination),
            Sent::Accepted => Ok(()),
            Sent::Arrived(arrival) => {
                self.hand_over(&arrival, body);
                Ok(())
            }
        }
    }

    /// Hands over the message that is due next, which is now.
    pub(crate) fn deliver_next(&mut self) {
        let Some((arrival, body)) = self.network.arrive(self.clock.now(), &mut self.records) else { return };
        self.hand_over(&arrival, BodyText::Text(&body));
        self.network.recycle(body);
    }

    /// Steps a local host whose deadline has come, or that was given a task.
    pub(crate) fn tick(&mut self, host: HostIndex) {
        let now = self.clock.now();
        if let Host::Local(local) = &mut self.hosts[host.slot()] {
            local.core.step(now, Input::Tick, &mut self.outputs);
            self.send_outputs(host);
        }
    }

    /// Wakes a local host for the deadline for which it was armed, unless that is stale.
    pub(crate) fn handle_deadline(&mut self, host: HostIndex, due: Time) {
        let Host::Local(local) = &mut self.hosts[host.slot()] else { return };
        if local.armed != Some(due) {
            return;
        }
        local.armed = None;
        if self.network.endpoint(host).is_paused {
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
    /// that a deadline which moves with every message costs no entry among the timers.
    pub(crate) fn arm(&mut self, host: HostIndex) {
        let Host::Local(local) = &mut self.hosts[host.slot()] else { return };
        let Some(deadline) = local.core.deadline() else { return };
        if local.armed.is_none_or(|armed| deadline < armed) {
            local.armed = Some(deadline);
            self.timers.plan(deadline, Timer::HostDeadline(host));
        }
    }

    fn hand_over(&mut self, arrival: &Arrival, body: BodyText<'_>) {
        match &self.hosts[arrival.dest.slot()] {
            Host::Local(_) => self.hand_to_local(arrival, body),
            Host::Process(_) => self.hand_to_process(arrival, body),
            Host::Lockstep(_) => self.hand_to_lockstep(arrival, body.as_str()),
            Host::Gone => unreachable!("the network delivers to hosts that are alive"),
        }
    }

    fn hand_to_local(&mut self, arrival: &Arrival, body: BodyText<'_>) {
        let now = self.clock.now();
        self.network.delivered(now, arrival, body.as_str(), &mut self.records);
        let (src, dest) = (self.network.src_name(arrival), self.network.endpoint(arrival.dest));
        let Host::Local(local) = &mut self.hosts[arrival.dest.slot()] else { return };
        let dest_id = dest.id.as_str();
        if dest.role != HostRole::Service {
            let input = Input::Message { src, dest: dest_id, body: body.parsed() };
            local.core.step(now, input, &mut self.outputs);
            return self.send_outputs(arrival.dest);
        }
        match Request::read(body.parsed()) {
            Request::Usual => {
                let input = Input::Message { src, dest: dest_id, body: body.parsed() };
                local.core.step(now, input, &mut self.outputs);
                self.send_replies(arrival, |reply| Cow::Borrowed(reply));
            }
            Request::Unusual(request) => {
                let input = Input::Message { src, dest: dest_id, body: &request.body };
                local.core.step(now, input, &mut self.outputs);
                self.send_replies(arrival, |reply| Cow::Owned(request.restore(reply)));
            }
            Request::Unanswerable(reason) => {
                let kind = ViolationKind::unanswerable_request(dest_id, reason);
                self.violation(arrival.src, kind);
            }
        }
    }

    /// Sends what a service puts out for a request. Where that cannot arrive, the fault is the requester's.
    fn send_replies(&mut self, request: &Arrival, restore: impl Fn(&str) -> Cow<'_, str>) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.iter() {
            let body = restore(output.body);
            let sent = self.send(request.dest, None, output.dest.as_str(), BodyText::Text(&body));
            if let Err(UnknownDestination) = sent {
                let service = self.id(request.dest).to_string();
                let reason = format!("nobody has the name \"{}\" under which it was sent", output.dest);
                self.violation(request.src, ViolationKind::unanswerable_request(&service, &reason));
            }
        }
        outputs.clear();
        self.outputs = outputs;
        self.arm(request.dest);
    }

    /// Appends a message to what a process is to read. It is delivered when the process's pipe has taken it.
    fn hand_to_process(&mut self, arrival: &Arrival, body: BodyText<'_>) {
        let (number, host) = (arrival.number, arrival.dest);
        let Host::Process(process) = &mut self.hosts[host.slot()] else { return };
        if process.is_input_closed {
            return self.records.dropped(self.clock.now(), number, &DropReason::InputClosed);
        }
        let (src, dest) = (self.network.src_name(arrival), self.network.endpoint(host));
        match process.input.push(arrival, 0, src, dest.id.as_str(), body.as_str()) {
            Ok(()) => {
                process.is_overflowing = false;
                if !process.is_dirty && !process.is_blocked {
                    process.is_dirty = true;
                    self.processes.dirty.push(host);
                }
            }
            Err(Overflow) => {
                let is_new = !std::mem::replace(&mut process.is_overflowing, true);
                self.records.dropped(self.clock.now(), number, &DropReason::Overflow);
                if is_new {
                    let limit_bytes = self.options.limits.input_bytes;
                    self.violation(host, ViolationKind::InputOverflow { limit_bytes });
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
            let sent = self.send(host, None, output.dest.as_str(), BodyText::Text(output.body));
            if let Err(UnknownDestination) = sent {
                self.violation(host, ViolationKind::unknown_destination(output.dest.as_str()));
            }
        }
        outputs.clear();
        self.outputs = outputs;
    }

    pub(crate) fn violation(&mut self, host: HostIndex, kind: ViolationKind) {
        let endpoint = self.network.endpoint(host);
        self.records
            .violation(self.clock.now(), endpoint, || ProtocolViolation::new(endpoint.id.clone(), kind));
    }
}
