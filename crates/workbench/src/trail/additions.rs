//! What was added to a counter, and by which nodes it was acknowledged.

use std::collections::BTreeMap;

use glomers_check::{Operation, OperationKind, Process};
use glomers_protocol::NodeId;
use glomers_world::{
    HostRole,
    journal::{Entry, Record},
};

use super::name;
use crate::{run::operation_record, text::count};

/// How many nodes are told of.
const MAX_TOLD: usize = 8;

/// Additions up to the beginning of one read.
pub(super) struct Additions {
    /// The index with which the read begins.
    until: u64,
    is_over: bool,
    /// The operation of the entry before, whose request is the next one.
    begun: Option<(u64, Process)>,
    /// What is being added, and by which node.
    open: BTreeMap<Process, (i128, Option<NodeId>)>,
    acknowledged: BTreeMap<NodeId, Sum>,
    unknown: Sum,
    nodes: Vec<NodeId>,
    /// Messages from nodes to nodes and services.
    sent: BTreeMap<NodeId, u64>,
    under_way: BTreeMap<u64, NodeId>,
    lost: BTreeMap<NodeId, u64>,
}

#[derive(Default)]
struct Sum {
    count: u64,
    sum: i128,
}

impl Sum {
    fn add(&mut self, amount: i128) {
        self.count += 1;
        self.sum = self.sum.saturating_add(amount);
    }
}

impl Additions {
    pub(super) fn new(until: u64) -> Self {
        Self {
            until,
            is_over: false,
            begun: None,
            open: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            unknown: Sum::default(),
            nodes: Vec::new(),
            sent: BTreeMap::new(),
            under_way: BTreeMap::new(),
            lost: BTreeMap::new(),
        }
    }

    /// What an operation adds to a counter, if it does that.
    pub(super) fn amount_of(operation: &Operation) -> Option<i128> {
        operation.value.as_int().filter(|_| operation.f == "add")
    }

    pub(super) fn observe(&mut self, record: &Record) {
        if self.is_over {
            return;
        }
        match &record.entry {
            Entry::HostAdded { host, role: HostRole::Node } if !self.nodes.contains(host) => {
                self.nodes.push(host.clone());
            }
            Entry::UserRecord(bytes) => {
                if let Ok(operation) = operation_record::decode(record.sequence, bytes) {
                    self.observe_operation(record.sequence, &operation);
                }
            }
            Entry::Sent { src, dest, .. } if src.is_client() => {
                if let Some((_, process)) =
                    self.begun.take_if(|(begun_at, _)| *begun_at + 1 == record.sequence)
                    && let Some((_, node)) = self.open.get_mut(&process)
                {
                    *node = Some(dest.clone());
                }
            }
            Entry::Sent { message, src, dest, .. } if !dest.is_client() && self.nodes.contains(src) => {
                *self.sent.entry(src.clone()).or_default() += 1;
                self.under_way.insert(*message, src.clone());
            }
            Entry::Delivered { message } => drop(self.under_way.remove(message)),
            Entry::Dropped { message, .. } => {
                if let Some(src) = self.under_way.remove(message) {
                    *self.lost.entry(src).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    fn observe_operation(&mut self, sequence: u64, operation: &Operation) {
        if operation.kind == OperationKind::Invoke {
            self.is_over = operation.index == self.until;
            if let Some(amount) = Self::amount_of(operation) {
                self.open.insert(operation.process, (amount, None));
                self.begun = Some((sequence, operation.process));
            }
        } else if let Some((amount, node)) = self.open.remove(&operation.process) {
            match (operation.kind, node) {
                (OperationKind::Ok, Some(node)) => self.acknowledged.entry(node).or_default().add(amount),
                (OperationKind::Info, _) => self.unknown.add(amount),
                _ => {}
            }
        }
    }

    pub(super) fn conclusions(&self) -> Vec<String> {
        let told = self.acknowledged.iter().take(MAX_TOLD).map(|(node, Sum { count: times, sum })| {
            format!("{} acknowledged {} ({sum} in all)", name(node), count(*times, "addition"))
        });
        let mut told: Vec<String> = told.collect();
        if self.acknowledged.len() > MAX_TOLD {
            told.push(format!("{} more nodes did too", self.acknowledged.len() - MAX_TOLD));
        }
        let mut conclusions = vec![match told.is_empty() {
            true => "Before that no addition was acknowledged.".to_owned(),
            false => format!("Before that {}.", told.join(", ")),
        }];
        let Sum { count: times, sum } = self.unknown;
        if times > 0 {
            let additions = count(times, "addition");
            conclusions.push(format!("{additions} had an unknown outcome ({sum} in all)."));
        }
        let silent: Vec<&NodeId> = self.nodes.iter().filter(|node| !self.sent.contains_key(*node)).collect();
        conclusions.push(match self.sent.is_empty() {
            true => "No node had sent anything to another or to a service.".to_owned(),
            false => {
                let sent = self.sent.iter().take(MAX_TOLD).map(|(node, times)| {
                    let lost =
                        self.lost.get(node).map(|lost| format!(", {lost} of them lost")).unwrap_or_default();
                    format!("{} had sent {}{lost}", name(node), count(*times, "message"))
                });
                let sent: Vec<String> = sent.collect();
                let silent = match silent.is_empty() {
                    true => String::new(),
                    false => format!("; {} none", super::names(silent)),
                };
                format!("To other nodes and to services, {}{silent}.", sent.join("; "))
            }
        });
        conclusions
    }
}
