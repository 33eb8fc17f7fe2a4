//! The registers, and the commands that change them exactly once.
//!
//! A node may hand the same command to several leaders, and the network may deliver it twice, so the log may hold
//! it twice. The store remembers the outcome of each member's commands until that member says that it needs them no
//! more, and gives the same outcome again (Ongaro, *Consensus: Bridging Theory and Practice*, 2014, §6.3). The
//! memory this takes is bounded by the operations that are under way.

use std::collections::BTreeMap;
use std::rc::Rc;

use glomers_node::{ErrorCode, Json, RpcError};
use serde::{Deserialize, Serialize};

use crate::raft::{Member, Membership};

/// What all members agree on: the same commands in the same order give the same store.
#[derive(Debug, Clone, Default)]
pub struct Store {
    /// By the canonical text of the key, with the key as it was first written.
    registers: BTreeMap<Rc<str>, Register>,
    members: Membership,
    sessions: BTreeMap<Member, Session>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Register {
    key: Json,
    value: Json,
}

/// What the store remembers of one member's commands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Session {
    /// Every command with a lower number is done with.
    finished_below: u64,
    outcomes: BTreeMap<u64, Outcome>,
}

/// A change to a register, as the log holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Command {
    /// Which command this is.
    pub id: CommandId,
    /// The member that sends it has its answer to every command with a lower number, or no longer waits for it.
    pub finished_below: u64,
    /// What is to change.
    pub change: Change,
}

/// Names a command, however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandId {
    /// The member whose client asked for it.
    pub origin: Member,
    /// The member's own number for it.
    pub number: u64,
}

/// What a command does to a register.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Puts a value there, whatever is there.
    Write {
        /// The register.
        key: Json,
        /// What is there afterwards.
        value: Json,
    },
    /// Replaces one value by another.
    Cas {
        /// The register.
        key: Json,
        /// What must be there.
        from: Json,
        /// What is there afterwards.
        to: Json,
        /// Whether an empty register gets the new value rather than an error.
        creates: bool,
    },
}

/// What a client gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The register has changed.
    Done,
    /// What a read has found.
    Value(Json),
    /// The register is as it was, and this is why.
    Failed(RpcError),
}

impl Store {
    /// The value under a key, or [`ErrorCode::KEY_DOES_NOT_EXIST`].
    pub fn read(&self, key: &Json) -> Outcome {
        match self.registers.get(key.canonical()) {
            Some(register) => Outcome::Value(register.value.clone()),
            None => Outcome::Failed(missing(key)),
        }
    }

    /// Carries out a command, unless it has been carried out before. `None` where its outcome is not needed: its
    /// sender is not a member, or has its answer.
    ///
    /// Who is no member has no session either, so that its command might come a second time. Nobody is lost: a life
    /// that was a member once never becomes one again.
    pub fn apply(&mut self, command: &Command) -> Option<Outcome> {
        let CommandId { origin, number } = &command.id;
        if !self.members.contains(origin) {
            return None;
        }
        let session = self.sessions.entry(origin.clone()).or_default();
        if command.finished_below > session.finished_below {
            session.finished_below = command.finished_below;
            session.outcomes = session.outcomes.split_off(&command.finished_below);
        }
        if *number < session.finished_below {
            return None;
        }
        if let Some(outcome) = session.outcomes.get(number) {
            return Some(outcome.clone());
        }
        let changed = change(&mut self.registers, &command.change);
        let outcome = changed.map_or_else(Outcome::Failed, |()| Outcome::Done);
        session.outcomes.insert(*number, outcome.clone());
        Some(outcome)
    }

    /// From now on these are the members. The sessions of others are forgotten.
    pub fn set_members(&mut self, members: Membership) {
        self.sessions.retain(|member, _| members.contains(member));
        self.members = members;
    }

    /// Who is a member, as far as the commands say that were carried out.
    pub fn members(&self) -> &Membership {
        &self.members
    }

    /// The remembered outcomes of one member's commands, by number.
    pub fn outcomes_of(&self, member: &Member) -> impl Iterator<Item = (u64, &Outcome)> {
        let outcomes = self.sessions.get(member).map(|session| &session.outcomes);
        outcomes.into_iter().flatten().map(|(number, outcome)| (*number, outcome))
    }

    /// All of it, to be sent.
    pub fn image(&self) -> Image {
        let sessions = self.sessions.iter().map(|(member, session)| (member.clone(), session.clone()));
        Image {
            registers: self.registers.values().cloned().collect(),
            members: self.members.clone(),
            sessions: sessions.collect(),
        }
    }
}

/// A store as it is sent to another node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Image {
    registers: Vec<Register>,
    members: Membership,
    sessions: Vec<(Member, Session)>,
}

impl From<Image> for Store {
    fn from(image: Image) -> Self {
        let by_key = |register: Register| (register.key.canonical().into(), register);
        Self {
            registers: image.registers.into_iter().map(by_key).collect(),
            members: image.members,
            sessions: image.sessions.into_iter().collect(),
        }
    }
}

fn change(registers: &mut BTreeMap<Rc<str>, Register>, change: &Change) -> Result<(), RpcError> {
    let (key, value) = match change {
        Change::Write { key, value } => (key, value),
        Change::Cas { key, from, to, creates } => match registers.get(key.canonical()) {
            Some(register) if register.value == *from => (key, to),
            Some(Register { value, .. }) => {
                let text = format!("current value {value} of key {key} is not {from}");
                return Err(RpcError::new(ErrorCode::PRECONDITION_FAILED, text));
            }
            None if *creates => (key, to),
            None => return Err(missing(key)),
        },
    };
    if let Some(register) = registers.get_mut(key.canonical()) {
        register.value = value.clone();
    } else {
        let register = Register { key: key.clone(), value: value.clone() };
        registers.insert(key.canonical().into(), register);
    }
    Ok(())
}

fn missing(key: &Json) -> RpcError {
    RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, format!("key {key} does not exist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    fn member(name: &str) -> Member {
        Member { name: name.into(), incarnation: 7 }
    }

    fn store() -> Store {
        let mut store = Store::default();
        store.set_members([member("n1"), member("n2")].into_iter().collect());
        store
    }

    fn write(number: u64, finished_below: u64, value: &str) -> Command {
        let change = Change::Write { key: json("1"), value: json(value) };
        Command { id: CommandId { origin: member("n1"), number }, finished_below, change }
    }

    fn cas(from: &str, to: &str, creates: bool) -> Change {
        Change::Cas { key: json("1"), from: json(from), to: json(to), creates }
    }

    #[track_caller]
    fn check_value(store: &Store, expected: &str) {
        assert_eq!(store.read(&json("1")), Outcome::Value(json(expected)));
    }

    #[test]
    fn a_command_takes_effect_once_and_keeps_its_outcome() {
        let mut store = store();
        store.apply(&write(1, 1, "10"));
        store.apply(&write(2, 1, "20"));
        assert_eq!(store.apply(&write(1, 1, "10")), Some(Outcome::Done));
        check_value(&store, "20");
    }

    #[test]
    fn what_is_finished_is_forgotten_and_still_not_repeated() {
        let mut store = store();
        for number in 1..=100 {
            store.apply(&write(number, number, "0"));
        }
        assert_eq!(store.outcomes_of(&member("n1")).map(|(number, _)| number).collect::<Vec<_>>(), [100]);
        assert_eq!(store.apply(&write(50, 50, "50")), None);
        check_value(&store, "0");
    }

    #[test]
    fn only_members_change_anything() {
        let mut store = store();
        store.apply(&write(1, 1, "10"));
        store.set_members([member("n2")].into_iter().collect());
        assert_eq!(store.apply(&write(2, 1, "20")), None);
        check_value(&store, "10");
    }

    #[test]
    fn cas_needs_the_old_value() {
        let registers = &mut BTreeMap::new();
        let code = |result: Result<(), RpcError>| result.map_err(|error| error.code);
        assert_eq!(code(change(registers, &cas("1", "2", false))), Err(ErrorCode::KEY_DOES_NOT_EXIST));
        assert_eq!(code(change(registers, &cas("1", "2", true))), Ok(()));
        assert_eq!(code(change(registers, &cas("1", "3", true))), Err(ErrorCode::PRECONDITION_FAILED));
        assert_eq!(code(change(registers, &cas("2", "3", false))), Ok(()));
    }

    #[test]
    fn an_image_is_the_whole_store() {
        let mut store = store();
        store.apply(&write(1, 1, "[1, 2]"));
        let text = serde_json::to_string(&store.image()).unwrap();
        let mut copy = Store::from(serde_json::from_str::<Image>(&text).unwrap());
        check_value(&copy, "[1,2]");
        copy.apply(&write(2, 1, "20"));
        assert_eq!(copy.apply(&write(1, 1, "10")), Some(Outcome::Done));
        check_value(&copy, "20");
        assert_eq!(copy.members(), store.members());
    }
}
