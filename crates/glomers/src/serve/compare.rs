//! Two runs side by side: their figures, and the first entry of the history in which they differ.

use std::{io::BufReader, path::Path as FilePath, sync::Arc};

use askama::Template;
use axum::{
    extract::{Query, State as Shared},
    response::Html,
};
use glomers_check::Operation;
use glomers_workbench::run::operation_record;
use glomers_world::journal::JournalReader;
use serde::Deserialize;

use super::{
    Failure, blocking,
    pages::encoded,
    store::{Refusal, Store},
    summary::RunSummary,
};
use crate::{
    report::{axis::grouped, escape::shortened},
    run_directory::{files, reading},
};

/// How many entries of the histories are compared.
const MAX_COMPARED: usize = 1_000_000;
/// How many characters of a value are shown.
const MAX_VALUE: usize = 300;

/// The two runs, as `WORKLOAD/TIME`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pair {
    a: String,
    b: String,
}

/// The page of two runs.
pub(super) async fn page(
    Shared(store): Shared<Arc<Store>>,
    Query(pair): Query<Pair>,
) -> Result<Html<String>, Failure> {
    blocking(move || Ok(Html(Comparison::read(&store, [&pair.a, &pair.b])?.render()?))).await
}

#[derive(Template)]
#[template(path = "compare.html")]
struct Comparison {
    runs: [Run; 2],
    /// A figure of each, and whether they differ.
    figures: Vec<(String, [String; 2], String)>,
    difference: Difference,
}

struct Run {
    address: String,
    name: String,
    state: &'static str,
    sentence: String,
}

/// Where the histories part.
enum Difference {
    /// They can't be compared, and why.
    Unknown(String),
    /// They have the same entries, this many.
    None(String),
    /// They have this many entries in common, and then these: index and text, or nothing where one ends.
    At(String, [Option<(u64, String)>; 2]),
}

impl Comparison {
    fn read(store: &Store, paths: [&str; 2]) -> Result<Self, Failure> {
        let runs = store.runs();
        let mut found = Vec::new();
        for path in paths {
            let directory = store.resolve(path.trim_matches('/'))?;
            let run = runs.iter().find(|run| run.directory == directory).ok_or(Refusal::Missing)?;
            found.push((run.relative.clone(), RunSummary::read(&directory), directory));
        }
        let [(left_path, left, left_directory), (right_path, right, right_directory)] =
            <[_; 2]>::try_from(found).map_err(|_| Refusal::Missing)?;
        let run = |path: &str, summary: &RunSummary| Run {
            address: encoded(path),
            name: path.to_owned(),
            state: summary.state.name(),
            sentence: summary.sentence(),
        };
        Ok(Self {
            runs: [run(&left_path, &left), run(&right_path, &right)],
            figures: figures(&left, &right),
            difference: first_difference(&left_directory, &right_directory),
        })
    }
}

/// The figures that either run has, and by how much the second is more or less.
fn figures(left: &RunSummary, right: &RunSummary) -> Vec<(String, [String; 2], String)> {
    let mut rows = Vec::new();
    let mut words = |name: &str, left: Option<String>, right: Option<String>| {
        if left.is_some() || right.is_some() {
            let difference = if left == right { "" } else { "differs" };
            rows.push((
                name.to_owned(),
                [left.unwrap_or_default(), right.unwrap_or_default()],
                difference.to_owned(),
            ));
        }
    };
    words("workload", left.workload.clone(), right.workload.clone());
    words("seed", left.seed.clone(), right.seed.clone());
    words("clock", left.clock.clone(), right.clock.clone());
    words("version", left.version.clone(), right.version.clone());
    words("command", left.command(), right.command());
    let count = |count: usize| (count > 0).then(|| count.to_string());
    words("nodes", count(left.nodes.len()), count(right.nodes.len()));
    let numbers = |summary: &RunSummary| -> Vec<(String, f64)> {
        let mut numbers = Vec::new();
        numbers.extend(summary.operations.map(|count| ("operations".to_owned(), count as f64)));
        for (name, [count, ok, info, fail]) in &summary.functions {
            for (outcome, count) in [("", count), (" ok", ok), (" info", info), (" fail", fail)] {
                numbers.push((format!("{name}{outcome}"), *count as f64));
            }
        }
        numbers.extend(summary.figures.iter().map(|(name, number)| ((*name).to_owned(), *number)));
        numbers
    };
    let (left, right) = (numbers(left), numbers(right));
    let only_right = right.iter().filter(|(name, _)| !left.iter().any(|(other, _)| other == name));
    let names = left.iter().chain(only_right).map(|(name, _)| name);
    for name in names {
        let of = |numbers: &[(String, f64)]| {
            numbers.iter().find(|(other, _)| other == name).map(|(_, number)| *number)
        };
        let pair = [of(&left), of(&right)];
        let difference = match pair {
            [Some(left), Some(right)] if left == right => String::new(),
            [Some(left), Some(right)] => {
                let sign = if right > left { "+" } else { "−" };
                let share = if left == 0.0 {
                    String::new()
                } else {
                    format!(" ({:+.0} %)", 100.0 * (right - left) / left)
                };
                format!("{sign}{}{share}", grouped((right - left).abs()))
            }
            _ => "differs".to_owned(),
        };
        rows.push((name.clone(), pair.map(|number| number.map(grouped).unwrap_or_default()), difference));
    }
    rows
}

/// Where the histories part. Times are left out: they differ between any two real runs.
fn first_difference(left: &FilePath, right: &FilePath) -> Difference {
    let open = |directory: &FilePath| reading::open_regular(&directory.join(files::JOURNAL));
    let (left, right) = match (open(left), open(right)) {
        (Ok(left), Ok(right)) => (left, right),
        (Err(error), _) | (_, Err(error)) => {
            return Difference::Unknown(format!("a journal can't be read: {error}"));
        }
    };
    let entries =
        |file| operation_record::operations(JournalReader::new(BufReader::new(file))).map_while(Result::ok);
    let (mut left, mut right) = (entries(left), entries(right));
    for common in 0..MAX_COMPARED {
        let pair = [left.next(), right.next()];
        match &pair {
            [None, None] => return Difference::None(grouped(common as f64)),
            [Some(left), Some(right)] if is_same(left, right) => {}
            _ => {
                let shown = |entry: &Operation| (entry.index, described(entry));
                return Difference::At(grouped(common as f64), pair.map(|entry| entry.as_ref().map(shown)));
            }
        }
    }
    Difference::Unknown(format!(
        "the first {} entries are the same, and no more are read",
        grouped(MAX_COMPARED as f64)
    ))
}

fn is_same(left: &Operation, right: &Operation) -> bool {
    (left.process, left.kind, &left.f, &left.value, &left.error)
        == (right.process, right.kind, &right.f, &right.value, &right.error)
}

fn described(entry: &Operation) -> String {
    let process = match entry.process {
        glomers_check::Process::Client(number) => format!("process {number}"),
        glomers_check::Process::Nemesis => "the nemesis".to_owned(),
    };
    let error = entry.error.as_ref().map(|error| format!(", error {error}")).unwrap_or_default();
    let text = format!(
        "{:.6} s, {process}: {} {} {}{error}",
        entry.time_ns as f64 / 1e9,
        entry.kind.name(),
        entry.f,
        entry.value
    );
    shortened(&text, MAX_VALUE)
}
