//! The scripts of the run page, which the binary holds.

use axum::{
    extract::Path,
    http::header,
    response::{IntoResponse, Response},
};

use super::{Failure, store::Refusal};

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../assets/page/", $name)))),*]
    };
}

/// The modules by name.
const MODULES: &[(&str, &str)] = &modules![
    "causality.js",
    "checker.js",
    "data.js",
    "detail.js",
    "filter.js",
    "input.js",
    "lanes.js",
    "list.js",
    "live.js",
    "page.js",
    "records.js",
    "series.js",
    "verdicts.js",
    "view.js",
];

/// One of the modules.
pub(super) async fn module(Path(name): Path<String>) -> Result<Response, Failure> {
    let (_, text) = MODULES.iter().find(|(module, _)| *module == name).ok_or(Refusal::Missing)?;
    Ok(([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], *text).into_response())
}
