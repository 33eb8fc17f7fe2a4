//! A node's copy of the lists.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use glomers_node::Json;

use crate::history::{Appends, History, Segment, SegmentId};
use crate::transaction::MicroOperation;

/// How many of the last commits are known by name, so that a node which is a little behind reads only what it lacks.
pub(crate) const RECENT_COMMITS: usize = 64;

/// The lists as of one commit.
#[derive(Debug, Default)]
pub(crate) struct Database {
    /// By the canonical text of the key.
    lists: BTreeMap<Rc<str>, Vec<Json>>,
    history: History,
    /// The last commits, the newest last.
    recent: VecDeque<SegmentId>,
}

/// What a commit needs to have written before the root may name it.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) id: SegmentId,
    pub(crate) appends: Rc<Appends>,
    /// The segments that are merged on this occasion.
    pub(crate) merged: Vec<Segment>,
    /// The whole history with this commit.
    pub(crate) segments: Vec<(SegmentId, u32)>,
    /// The last commits with this one.
    pub(crate) recent: Vec<SegmentId>,
}

impl Database {
    /// A copy from the whole history.
    pub(crate) fn new(segments: Vec<Segment>, recent: Vec<SegmentId>) -> Self {
        let mut lists = BTreeMap::new();
        segments.iter().for_each(|segment| extend(&mut lists, &segment.appends));
        Self { lists, history: History::from_segments(segments), recent: recent.into() }
    }

    /// The commit that this is the state of; `None` before the first.
    pub(crate) fn head(&self) -> Option<&SegmentId> {
        self.recent.back()
    }

    /// Carries out transactions one after the other, on this state, which stays as it is. Returns their micro-operations with the
    /// lists that they read, and what they append.
    pub(crate) fn carry_out<'a>(
        &self,
        transactions: impl IntoIterator<Item = &'a [MicroOperation]>,
    ) -> (Vec<Vec<MicroOperation>>, Appends) {
        let mut changed: BTreeMap<Rc<str>, (Json, Vec<Json>)> = BTreeMap::new();
        let mut completed = Vec::new();
        for transaction in transactions {
            let mut done = Vec::with_capacity(transaction.len());
            for operation in transaction {
                match operation {
                    MicroOperation::Read { key, .. } => {
                        let mut list = self.lists.get(key.canonical()).cloned().unwrap_or_default();
                        if let Some((_, added)) = changed.get(key.canonical()) {
                            list.extend_from_slice(added);
                        }
                        done.push(MicroOperation::Read { key: key.clone(), list: Some(list) });
                    }
                    MicroOperation::Append { key, element } => {
                        let (_, added) = changed
                            .entry(key.canonical().into())
                            .or_insert_with(|| (key.clone(), Vec::new()));
                        added.push(element.clone());
                        done.push(operation.clone());
                    }
                }
            }
            completed.push(done);
        }
        let appends = changed.values().map(|(key, added)| (key, added.as_slice())).collect();
        (completed, appends)
    }

    /// What to write for a commit on top of this state.
    pub(crate) fn draft(&self, id: SegmentId, appends: Appends) -> Draft {
        let appends = Rc::new(appends);
        let mut history = self.history.clone();
        let merged = history.push(&id, Rc::clone(&appends));
        let segments = history.segments().iter().map(|segment| (segment.id.clone(), segment.level)).collect();
        let mut recent = self.recent.clone();
        push_recent(&mut recent, id.clone());
        Draft { id, appends, merged, segments, recent: recent.into() }
    }

    /// Goes on to the next commit.
    pub(crate) fn advance(&mut self, id: &SegmentId, appends: Rc<Appends>) {
        extend(&mut self.lists, &appends);
        self.history.push(id, appends);
        push_recent(&mut self.recent, id.clone());
    }
}

fn extend(lists: &mut BTreeMap<Rc<str>, Vec<Json>>, appends: &Appends) {
    for (key, elements) in appends.iter() {
        if let Some(list) = lists.get_mut(key.canonical()) {
            list.extend_from_slice(elements);
        } else {
            lists.insert(key.canonical().into(), elements.to_vec());
        }
    }
}

fn push_recent(recent: &mut VecDeque<SegmentId>, id: SegmentId) {
    recent.push_back(id);
    if recent.len() > RECENT_COMMITS {
        recent.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction(text: &str) -> Vec<MicroOperation> {
        serde_json::from_str(text).unwrap()
    }

    fn text(value: &impl serde::Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn transactions_see_what_came_before_them() {
        let mut database = Database::default();
        let first = transaction(r#"[["append",1,8]]"#);
        let (_, appends) = database.carry_out([first.as_slice()]);
        database.advance(&"a".to_owned(), Rc::new(appends));
        let (second, third) = (
            transaction(r#"[["r",1,null],["append",1,6],["append",2,9],["r",1,null]]"#),
            transaction(r#"[["r",1,null],["r",2,null],["r",3,null]]"#),
        );
        let (completed, appends) = database.carry_out([second.as_slice(), third.as_slice()]);
        assert_eq!(text(&completed[0]), r#"[["r",1,[8]],["append",1,6],["append",2,9],["r",1,[8,6]]]"#);
        assert_eq!(text(&completed[1]), r#"[["r",1,[8,6]],["r",2,[9]],["r",3,[]]]"#);
        assert_eq!(text(&appends), "[[1,[6]],[2,[9]]]");
        assert_eq!(database.head(), Some(&"a".to_owned()));
    }

    #[test]
    fn a_draft_is_what_advancing_makes_of_it() {
        let mut database = Database::default();
        for number in 0..100 {
            let (_, appends) = database.carry_out([transaction(r#"[["append",1,8]]"#).as_slice()]);
            let draft = database.draft(format!("s{number}"), appends);
            database.advance(&draft.id, Rc::clone(&draft.appends));
            let segments: Vec<(SegmentId, u32)> = database
                .history
                .segments()
                .iter()
                .map(|segment| (segment.id.clone(), segment.level))
                .collect();
            assert_eq!((draft.segments, draft.recent), (segments, Vec::from(database.recent.clone())));
        }
        assert_eq!(database.recent.len(), RECENT_COMMITS);
    }
}
