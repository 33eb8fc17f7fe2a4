//! A few operations on a real service, one after the other, and whether some order of them explains the answers.

use std::{cell::Cell, collections::BTreeMap, fmt, rc::Rc};

use glomers_node::{
    CoreOptions, NodeCore, Request, Router, Time,
    services::{Cas, Read, Ts, Write},
};
use glomers_protocol::{ErrorCode, RawValue, RpcError};
use glomers_world::{ClockKind, HostRole, Journal, TurnOutcome, World, WorldOptions};
use serde_json::value::to_raw_value;

/// What a node asks of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Read(&'static str),
    Write(&'static str, u64),
    Cas(&'static str, u64, u64),
    Timestamp,
}

/// The service's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Value(u64),
    Refused(ErrorCode),
}

/// One operation, when it is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) node: &'static str,
    pub(super) call: Call,
    pub(super) answer: Answer,
}

/// Plays the calls on a service, each after the answer to the one before.
pub(super) fn play(service: &'static str, seed: u64, script: &[(&'static str, Call)]) -> Vec<Step> {
    let mut world = World::new(WorldOptions::new(ClockKind::Virtual, seed), Journal::hash_only());
    world.add_services();
    script
        .iter()
        .map(|&(node, call)| Step { node, call, answer: ask(&mut world, node, service, call) })
        .collect()
}

fn ask(world: &mut World, name: &'static str, service: &'static str, call: Call) -> Answer {
    let host = world.find(&name.into()).unwrap_or_else(|| {
        let options = CoreOptions::new(world.random(name));
        let core = NodeCore::started(options, name.into(), Vec::new(), |_| Router::new(()));
        world.add_local(name.into(), HostRole::Node, core)
    });
    let node = world.node(host).expect("the node was added as a core").clone();
    let answer = Rc::new(Cell::new(None));
    let sink = Rc::clone(&answer);
    world.spawn(host, async move {
        let result = match call {
            Call::Read(key) => value(node.rpc(service, Read { key: raw(key) }).await),
            Call::Write(key, value) => {
                done::<Write>(node.rpc(service, Write { key: raw(key), value: raw(value) }).await)
            }
            Call::Cas(key, from, to) => {
                let request =
                    Cas { key: raw(key), from: raw(from), to: raw(to), create_if_not_exists: false };
                done::<Cas>(node.rpc(service, request).await)
            }
            Call::Timestamp => node.rpc(service, Ts {}).await.map(|reply| Answer::Value(reply.ts)),
        };
        sink.set(Some(result.unwrap_or_else(|error| Answer::Refused(error.code))));
    });
    loop {
        if let Some(answer) = answer.take() {
            return answer;
        }
        let turn = world.turn(Time::MAX).expect("a journal that is not kept can always be written");
        assert_ne!(turn.outcome, TurnOutcome::Reached, "{service} does not answer {call}");
    }
}

fn value(reply: Result<glomers_node::services::ReadOk, RpcError>) -> Result<Answer, RpcError> {
    reply.map(|reply| Answer::Value(reply.value.get().parse().expect("the scripts write integers")))
}

fn done<R: Request>(reply: Result<R::Reply, RpcError>) -> Result<Answer, RpcError> {
    reply.map(|_| Answer::Done)
}

fn raw(value: impl serde::Serialize) -> Box<RawValue> {
    to_raw_value(&value).expect("texts and integers are JSON")
}

/// The registers of a store, or how many time stamps were given out.
#[derive(Debug, Clone, Default)]
struct Registers {
    values: BTreeMap<&'static str, u64>,
    time_stamps: u64,
}

impl Registers {
    /// What a linearizable store would answer now.
    fn apply(&mut self, call: Call) -> Answer {
        match call {
            Call::Read(key) => self
                .values
                .get(key)
                .map_or(Answer::Refused(ErrorCode::KEY_DOES_NOT_EXIST), |value| Answer::Value(*value)),
            Call::Write(key, value) => {
                self.values.insert(key, value);
                Answer::Done
            }
            Call::Cas(key, from, to) => match self.values.get(key) {
                Some(value) if *value == from => self.apply(Call::Write(key, to)),
                Some(_) => Answer::Refused(ErrorCode::PRECONDITION_FAILED),
                None => Answer::Refused(ErrorCode::KEY_DOES_NOT_EXIST),
            },
            Call::Timestamp => {
                self.time_stamps += 1;
                Answer::Value(self.time_stamps - 1)
            }
        }
    }
}

/// What a linearizable service would have answered to each call.
pub(super) fn answers_in_time(steps: &[Step]) -> Vec<Answer> {
    let mut registers = Registers::default();
    steps.iter().map(|step| registers.apply(step.call)).collect()
}

/// An order of the steps in which one store would have given all the answers, and in which each node's own steps keep their order.
pub(super) fn explaining_order(steps: &[Step]) -> Option<Vec<usize>> {
    let mut order = Vec::new();
    extend_order(steps, &Registers::default(), &mut order).then_some(order)
}

fn extend_order(steps: &[Step], registers: &Registers, order: &mut Vec<usize>) -> bool {
    if order.len() == steps.len() {
        return true;
    }
    let mut waiting: Vec<&str> = Vec::new();
    for (index, step) in
        steps.iter().enumerate().filter(|(index, _)| !order.contains(index)).collect::<Vec<_>>()
    {
        // Only the first of a node's steps that are left can be next.
        if waiting.contains(&step.node) {
            continue;
        }
        waiting.push(step.node);
        let mut next = registers.clone();
        if next.apply(step.call) == step.answer {
            order.push(index);
            if extend_order(steps, &next, order) {
                return true;
            }
            order.pop();
        }
    }
    false
}

impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(key) => write!(formatter, "reads {key}"),
            Self::Write(key, value) => write!(formatter, "writes {key} = {value}"),
            Self::Cas(key, from, to) => write!(formatter, "compares and sets {key} from {from} to {to}"),
            Self::Timestamp => formatter.write_str("asks for a time stamp"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => formatter.write_str("ok"),
            Self::Value(value) => write!(formatter, "{value}"),
            Self::Refused(code) => formatter.write_str(code.name().unwrap_or("error")),
        }
    }
}
