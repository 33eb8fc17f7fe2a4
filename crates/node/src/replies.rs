//! The requests that wait for a reply.

use std::task::Waker;

use glomers_protocol::RawValue;
use rustc_hash::FxHashMap;

/// The requests of a node that have no reply yet, by their `msg_id`.
#[derive(Default)]
pub(crate) struct Replies {
    pending: FxHashMap<u64, Pending>,
    last_msg_id: u64,
}

enum Pending {
    Waiting(Option<Waker>),
    Arrived(Box<RawValue>),
}

impl Replies {
    pub(crate) fn set_first_msg_id(&mut self, first_msg_id: u64) {
        self.last_msg_id = first_msg_id.saturating_sub(1);
    }

    /// Gives a new request its id: 1 more than the last.
    pub(crate) fn open(&mut self) -> u64 {
        self.last_msg_id += 1;
        self.pending.insert(self.last_msg_id, Pending::Waiting(None));
        self.last_msg_id
    }

    /// Takes the first reply to any of the requests, or sees to it that the waker is woken by the next.
    pub(crate) fn take(&mut self, msg_ids: &[u64], waker: &Waker) -> Option<(u64, Box<RawValue>)> {
        for msg_id in msg_ids {
            match self.pending.get_mut(msg_id) {
                Some(Pending::Arrived(_)) => {
                    let Some(Pending::Arrived(reply)) = self.pending.remove(msg_id) else { return None };
                    return Some((*msg_id, reply));
                }
                Some(Pending::Waiting(waiting)) => match waiting {
                    Some(waiting) => waiting.clone_from(waker),
                    None => *waiting = Some(waker.clone()),
                },
                None => {}
            }
        }
        None
    }

    pub(crate) fn close(&mut self, msg_ids: &[u64]) {
        for msg_id in msg_ids {
            self.pending.remove(msg_id);
        }
    }

    /// Takes a reply that came over the network; `false` where no request waits for it.
    pub(crate) fn arrive(&mut self, in_reply_to: u64, body: &RawValue) -> bool {
        let Some(pending) = self.pending.get_mut(&in_reply_to) else { return false };
        match std::mem::replace(pending, Pending::Arrived(body.to_owned())) {
            Pending::Waiting(Some(waker)) => {
                waker.wake();
                true
            }
            Pending::Waiting(None) => true,
            Pending::Arrived(first) => {
                *pending = Pending::Arrived(first);
                false
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}
