//! What is read from and written to `lin-kv`.

use std::rc::Rc;
use std::time::Duration;

use futures::future::{join, try_join_all};
use glomers_node::services::KeyValue;
use glomers_node::{Attempts, ErrorCode, Node, Retry, RpcError};
use serde::{Deserialize, Serialize};

use crate::database::{Database, Draft};
use crate::history::{Appends, Segment, SegmentId};

/// The register that names the last commit; null before the first.
const ROOT: &str = "root";
/// The service answers after a round trip; this is for networks that are far slower than any that it is used on.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A segment as `lin-kv` holds it under its name. A commit also says how to find all others.
#[derive(Debug, Deserialize)]
struct Stored {
    appends: Appends,
    /// The whole history as of this commit, the oldest segment first, each with its level.
    #[serde(default)]
    segments: Vec<(SegmentId, u32)>,
    /// The last commits, this one among them, the newest last.
    #[serde(default)]
    recent: Vec<SegmentId>,
}

/// The same, to be written.
#[derive(Debug, Serialize)]
struct StoredRef<'a> {
    appends: &'a Appends,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    segments: &'a [(SegmentId, u32)],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    recent: &'a [SegmentId],
}

/// How an attempt to replace the root ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Replacement {
    /// The commit is in the history.
    Committed,
    /// The root names another commit. If [`Attempts::may_have_taken_effect`], this one may be in the history before that; it is if it is
    /// among the commits that lie between.
    Overtaken(Attempts),
}

/// A client of `lin-kv` that knows how the history is laid out there.
#[derive(Debug)]
pub(crate) struct Archive {
    /// For what may be repeated.
    patient: KeyValue,
    /// For what may not.
    once: KeyValue,
}

impl Archive {
    pub(crate) fn new(node: &Node) -> Self {
        let once = node.lin_kv().timeout(TIMEOUT);
        Self { patient: once.clone().retry(Retry::times(4)), once }
    }

    /// The commit that the root names.
    pub(crate) async fn root(&self) -> Result<Option<SegmentId>, RpcError> {
        self.patient.read_or(ROOT, None).await
    }

    /// Writes a draft, and asks for the root at the same time.
    pub(crate) async fn write(&self, draft: &Draft) -> Result<Option<SegmentId>, RpcError> {
        let commit = StoredRef { appends: &draft.appends, segments: &draft.segments, recent: &draft.recent };
        let merged = draft.merged.iter().map(|segment| {
            let stored = StoredRef { appends: &segment.appends, segments: &[], recent: &[] };
            self.patient.write(&segment.id, stored)
        });
        let written = join(self.patient.write(&draft.id, &commit), try_join_all(merged));
        let (root, (commit, merged)) = join(self.root(), written).await;
        commit?;
        merged?;
        root
    }

    /// Makes the root name a draft that has been written.
    ///
    /// # Errors
    /// Definite only if the draft is not in the history and never will be.
    pub(crate) async fn replace_root(
        &self,
        former: Option<&SegmentId>,
        draft: &Draft,
    ) -> Result<Replacement, RpcError> {
        let mut attempts = Attempts::new();
        loop {
            match self.once.cas_or_create(ROOT, former, &draft.id).await {
                Ok(()) => return Ok(Replacement::Committed),
                Err(error) if error.code == ErrorCode::PRECONDITION_FAILED => {
                    return Ok(Replacement::Overtaken(attempts));
                }
                // Nobody else uses the draft's name, so at most one attempt succeeds.
                Err(error) if error.code == ErrorCode::TIMEOUT => attempts.note(&error),
                Err(error) => return Err(attempts.conclude(error)),
            }
        }
    }

    /// What a copy as of `head` lacks up to the commit `root`.
    pub(crate) async fn catch_up(
        &self,
        head: Option<&SegmentId>,
        root: &SegmentId,
    ) -> Result<CatchUp, RpcError> {
        let Stored { appends, segments, mut recent } = self.patient.read(root).await?;
        let known = head.and_then(|head| recent.iter().position(|id| id == head)).map(|place| place + 1);
        let Some(known) = known else {
            let names = segments.iter().map(|(id, _)| id.clone());
            let found = self.read_all(names).await?;
            let segments = segments.into_iter().zip(found);
            let segments = segments.map(|((id, level), (_, appends))| Segment { id, level, appends });
            return Ok(CatchUp::Everything(Database::new(segments.collect(), recent)));
        };
        let mut missing = recent.split_off(known);
        missing.pop();
        let mut commits = self.read_all(missing).await?;
        commits.push((root.clone(), Rc::new(appends)));
        Ok(CatchUp::Commits(commits))
    }

    /// Reads segments, all at the same time.
    async fn read_all(
        &self,
        ids: impl IntoIterator<Item = SegmentId>,
    ) -> Result<Vec<(SegmentId, Rc<Appends>)>, RpcError> {
        let reads = ids.into_iter().map(async |id| {
            let Stored { appends, .. } = self.patient.read(&id).await?;
            Ok((id, Rc::new(appends)))
        });
        try_join_all(reads).await
    }
}

/// What a copy lacks.
#[derive(Debug)]
pub(crate) enum CatchUp {
    /// These commits, the oldest first.
    Commits(Vec<(SegmentId, Rc<Appends>)>),
    /// More than can be told: this is the new copy.
    Everything(Database),
}

#[cfg(test)]
mod tests;
