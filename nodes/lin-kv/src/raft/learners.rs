//! How the leader makes a new life a member: as a learner first, then by a change of the members in the log.

use glomers_node::NodeId;

use super::replication::Progress;
use super::{Entry, Member, Payload, Raft, Role};

impl Raft {
    /// A node without a past wants to take part: bring it up to date first, as a learner whose acknowledgements don't
    /// count, so that its emptiness holds nobody up.
    pub(super) fn add_learner(&mut self, newcomer: &Member) {
        let Role::Leader(leadership) = &mut self.role else { return };
        // Before its first entry is committed, a leader may be one of a cluster that comes to nothing.
        let is_known = self.log.members().contains(newcomer)
            || leadership
                .learners
                .get(&newcomer.name)
                .is_some_and(|known| known.incarnation == newcomer.incarnation);
        if is_known || self.committed < leadership.first_index {
            return;
        }
        let progress = Progress::new(newcomer.incarnation, self.log.last_index(), self.now);
        leadership.learners.insert(newcomer.name.clone(), progress);
        self.send_append(newcomer);
    }

    /// Takes the next step towards taking in a learner that is up to date, one change of the members at a time.
    ///
    /// The learner has answered, so the former life of its name is over: that one goes first, since a dead
    /// member only makes majorities harder to reach. A change waits until the former one is committed, and until
    /// the leader has committed an entry of its own term, without which two changes could pass each other.
    pub(super) fn promote_learner(&mut self) {
        let Role::Leader(leadership) = &mut self.role else { return };
        if self.committed < leadership.first_index || self.committed < self.log.members_changed_at() {
            return;
        }
        let up_to_date =
            leadership.learners.iter().find(|(_, learner)| learner.matched >= Some(self.committed));
        let Some(name) = up_to_date.map(|(name, _)| name.clone()) else { return };
        let members = match self.log.members().incarnation(&name) {
            Some(_) => {
                leadership.followers.remove(&name);
                self.log.members().without(&name)
            }
            None => self.log.members().with(leadership.promote(&name)),
        };
        tracing::info!("{} changes the members for {name}: {members:?}", self.me.name);
        leadership.has_unsent = true;
        self.log.push(Entry { term: self.term, payload: Payload::Members(members) });
    }

    /// Forgets learners that have fallen silent; one that still lives will ask again.
    pub(super) fn forget_silent_learners(&mut self) {
        let Role::Leader(leadership) = &mut self.role else { return };
        let (now, window) = (self.now, leadership.window);
        leadership.learners.retain(|_, learner| now.since(learner.heard_at) < window);
    }
}

impl super::replication::Leadership {
    /// A learner becomes a follower.
    fn promote(&mut self, name: &NodeId) -> Member {
        let learner = self.learners.remove(name).expect("only a learner is admitted");
        let incarnation = learner.incarnation;
        self.followers.insert(name.clone(), learner);
        Member { name: name.clone(), incarnation }
    }
}
