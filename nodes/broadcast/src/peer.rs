//! What a node knows of another.

use std::time::Duration;

use glomers_node::{NodeId, Time};

use crate::values::Summary;

/// What a node knows of another: what it holds, what was sent to it, and whether it answers.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: NodeId,
    /// What it held when it last spoke.
    pub(crate) known: Summary,
    /// What it will hold once all that was sent to it has arrived.
    sent: Summary,
    pub(crate) sent_at: Option<Time>,
    pub(crate) heard_at: Option<Time>,
    /// Since when there has been something that was not sent to it.
    pub(crate) unsent_since: Option<Time>,
    /// What it must confirm, so that it does not count as silent.
    pub(crate) outstanding: Option<Outstanding>,
    /// It did not confirm what it was sent, for longer than patience lasts. It is cut off, dead or slow.
    pub(crate) is_silent: bool,
    /// This node is its relay.
    pub(crate) follows: bool,
    /// When it is to be told what has arrived here, at the latest.
    pub(crate) answer_due: Option<Time>,
}

/// Something was sent and is to be confirmed.
#[derive(Debug)]
pub(crate) struct Outstanding {
    have: Summary,
    pub(crate) since: Time,
}

impl Peer {
    pub(crate) fn new(id: NodeId) -> Self {
        Self {
            id,
            known: Summary::default(),
            sent: Summary::default(),
            sent_at: None,
            heard_at: None,
            unsent_since: None,
            outstanding: None,
            is_silent: false,
            follows: false,
            answer_due: None,
        }
    }

    /// It says what it holds. What it says last counts: a node that was killed holds less than before.
    pub(crate) fn hear(&mut self, now: Time, have: &Summary, round_trip: Duration) {
        self.heard_at = Some(now);
        self.known.clone_from(have);
        let sent_long_ago = self.sent_at.is_none_or(|at| now.since(at) > round_trip);
        if sent_long_ago {
            // What it does not hold by now was lost.
            self.sent.clone_from(have);
        } else {
            self.sent.raise_to(have);
        }
        if self.outstanding.as_ref().is_none_or(|outstanding| have.covers(&outstanding.have)) {
            self.is_silent = false;
            self.outstanding = None;
            self.expect_confirmation(now);
        } else if self.is_silent && sent_long_ago {
            // It is back, but what it was sent meanwhile is not: it gets everything at once.
            self.answer_by(now);
        }
    }

    /// It has just been sent everything that is here.
    pub(crate) fn note_sent(&mut self, now: Time, have: &Summary) {
        self.sent.clone_from(have);
        self.sent_at = Some(now);
        self.unsent_since = None;
        self.answer_due = None;
        self.expect_confirmation(now);
    }

    /// Finds out whether there is something here that was not sent to it.
    pub(crate) fn note_unsent(&mut self, now: Time, have: &Summary) {
        if self.sent.covers(have) {
            self.unsent_since = None;
        } else {
            self.unsent_since.get_or_insert(now);
        }
    }

    /// This node no longer has to keep it up to date.
    pub(crate) fn release(&mut self) {
        self.unsent_since = None;
        if !self.is_silent {
            self.outstanding = None;
        }
    }

    pub(crate) fn answer_by(&mut self, due: Time) {
        self.answer_due = Some(self.answer_due.map_or(due, |earlier| earlier.min(due)));
    }

    fn expect_confirmation(&mut self, now: Time) {
        if self.outstanding.is_none() && !self.known.covers(&self.sent) {
            self.outstanding = Some(Outstanding { have: self.sent.clone(), since: now });
        }
    }
}
