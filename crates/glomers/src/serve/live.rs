//! A run that is going on: server-sent events tell its page when there is more to read, and when it has ended.

use std::{convert::Infallible, path::PathBuf, sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    response::sse::{Event, Sse},
};
use futures::{Stream, stream};

use super::{
    Failure,
    store::{Refusal, Store},
};
use crate::run_directory::{files, is_under_way, reading};

/// How often the journal is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// `grown` with the journal's length in bytes whenever it has become longer, then `ended`.
pub(super) async fn events(
    State(store): State<Arc<Store>>,
    Path(path): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let directory = store.resolve(&path)?;
    if !directory.is_dir() {
        return Err(Refusal::Missing.into());
    }
    Ok(Sse::new(stream::unfold(Some((directory, 0)), next)))
}

/// The next event, and what is needed for the one after it.
async fn next(state: Option<(PathBuf, u64)>) -> Option<(Result<Event, Infallible>, Option<(PathBuf, u64)>)> {
    let (directory, known) = state?;
    loop {
        if !is_under_way(&directory) {
            return Some((Ok(Event::default().event("ended").data("")), None));
        }
        let length = reading::open_regular(&directory.join(files::JOURNAL)).and_then(|file| file.metadata());
        let length = length.map_or(0, |metadata| metadata.len());
        if length > known {
            let event = Event::default().event("grown").data(length.to_string());
            return Some((Ok(event), Some((directory, length))));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
