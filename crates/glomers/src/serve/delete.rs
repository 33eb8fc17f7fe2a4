//! Deletes a run: a page that asks, and the form that it sends.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State as Shared},
    http::{HeaderMap, header},
    response::{Html, IntoResponse, Redirect, Response},
};

use super::{
    Failure, blocking,
    pages::encoded,
    store::{Refusal, RunPath, Store},
};
use crate::run_directory::is_under_way;

#[derive(Template)]
#[template(path = "delete.html")]
struct Question {
    name: String,
    address: String,
}

fn find(store: &Store, path: &str) -> Result<RunPath, Failure> {
    // Only what is listed as a run is deleted, and by its own name, never through a link.
    store.runs().into_iter().find(|run| run.relative == path).ok_or(Failure::Refused(Refusal::Missing))
}

/// Asks whether a run is to be deleted.
pub(super) async fn ask(
    Shared(store): Shared<Arc<Store>>,
    Path(path): Path<String>,
) -> Result<Html<String>, Failure> {
    blocking(move || {
        let run = find(&store, &path)?;
        Ok(Html(Question { address: encoded(&run.relative), name: run.relative }.render()?))
    })
    .await
}

/// Deletes a run that has ended, if one of our own pages asks for it.
pub(super) async fn run(
    Shared(store): Shared<Arc<Store>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    if !is_same_origin(&headers) {
        return Err(Failure::Foreign);
    }
    blocking(move || {
        let run = find(&store, &path)?;
        if is_under_way(&run.directory) {
            return Err(Failure::UnderWay);
        }
        std::fs::remove_dir_all(&run.directory)?;
        Ok(Redirect::to("/").into_response())
    })
    .await
}

/// Whether a page of this server sent the request: a browser names the origin of each form that it posts. Another page on this machine, or a
/// request that does not say, is refused.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else { return false };
    let site = headers.get("sec-fetch-site").map(|site| site == "same-origin");
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
        && site != Some(false)
}
