//! The pages: the index, a run, a directory, a text file.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path as FilePath,
    sync::Arc,
};

use askama::Template;
use axum::{
    extract::{Path, Query, State as Shared},
    http::header,
    response::{Html, IntoResponse, Redirect, Response},
};
use glomers_check::Finding;
use glomers_workbench::trail::Trail;
use serde::Deserialize;

use super::{
    Failure, PAGE_POLICY, SCRIPT_POLICY, blocking, file_type,
    links::{Piece, linked},
    store::{Refusal, Store},
    summary::{RunSummary, State},
};
use crate::{
    report::{axis::grouped, cycles, ink::Ink, plots::PLOTS},
    run_directory::{files, reading},
};

/// How many runs a page of the index has.
const RUNS_PER_PAGE: usize = 100;

/// How much of a text file a page shows, in bytes: its end.
const MAX_TEXT: u64 = 256 << 10;

/// How many bytes are read to number the lines of the rest.
const MAX_COUNTED: u64 = 256 << 20;

/// Which runs the index lists.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    workload: String,
    verdict: String,
    /// A text in the time, the seed, the command or the verdict's sentence.
    text: String,
    /// From 0, the newest.
    page: usize,
}

/// The index of runs, newest first.
pub(super) async fn index(
    Shared(store): Shared<Arc<Store>>,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Failure> {
    blocking(move || Ok(Html(Index::read(&store, filter).render()?))).await
}

/// One run. A link to a run, such as `latest`, redirects to it.
pub(super) async fn run(
    Shared(store): Shared<Arc<Store>>,
    Path(path): Path<String>,
) -> Result<Response, Failure> {
    blocking(move || {
        let directory = store.resolve(path.trim_end_matches('/'))?;
        let Some(run) = store.runs().into_iter().find(|run| run.directory == directory) else {
            return Err(Refusal::Missing.into());
        };
        if run.relative != path {
            return Ok(Redirect::temporary(&format!("/runs/{}", encoded(&run.relative))).into_response());
        }
        let mut page = RunPage::read(&run.relative, &directory);
        page.earlier = earlier(&store, &run.relative);
        let policy = if page.has_journal { SCRIPT_POLICY } else { PAGE_POLICY };
        Ok(([(header::CONTENT_SECURITY_POLICY, policy)], Html(page.render()?)).into_response())
    })
    .await
}

/// The store itself as a directory.
pub(super) async fn top_directory(Shared(store): Shared<Arc<Store>>) -> Result<Html<String>, Failure> {
    blocking(move || Ok(Html(directory_page("", &store.resolve(".")?)?))).await
}

/// A text file with line numbers; of a large file, only the end.
pub(super) async fn text(
    Shared(store): Shared<Arc<Store>>,
    Path(path): Path<String>,
) -> Result<Html<String>, Failure> {
    blocking(move || {
        let file = store.resolve(&path)?;
        if !file.is_file() {
            return Err(Refusal::Missing.into());
        }
        Ok(Html(TextPage::read(&path, &file)?.render()?))
    })
    .await
}

/// The style of all pages.
pub(super) async fn style() -> Result<Response, Failure> {
    let style = Style {
        inks: &[Ink::Text, Ink::Muted, Ink::Grid, Ink::Paper, Ink::Ok, Ink::Info, Ink::Fail, Ink::Fault],
    }
    .render()?;
    Ok(([(header::CONTENT_TYPE, "text/css; charset=utf-8")], style).into_response())
}

/// A page with one sentence.
pub(super) fn message(sentence: &str) -> Result<String, askama::Error> {
    Message { sentence }.render()
}

/// A directory's page; `path` is relative to the store.
pub(super) fn directory_page(path: &str, directory: &FilePath) -> Result<String, Failure> {
    let mut entries: Vec<Entry> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // A name that is not UTF-8 can't be part of an address.
        let (Ok(name), Ok(metadata)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
        let size = if metadata.is_file() { size(metadata.len()) } else { String::new() };
        let address = encoded(&join(path, &name));
        entries.push(Entry {
            is_directory: metadata.is_dir(),
            is_text: file_type::is_text(&name),
            name,
            address,
            size,
        });
    }
    entries.sort_by(|left, right| {
        right.is_directory.cmp(&left.is_directory).then_with(|| left.name.cmp(&right.name))
    });
    Ok(Directory { crumbs: crumbs(path), entries }.render()?)
}

#[derive(Template)]
#[template(path = "index.html")]
struct Index {
    rows: Vec<Row>,
    workloads: Vec<String>,
    filter: Filter,
    total: usize,
    older: Option<usize>,
    refresh: bool,
}

/// A run as a line of the index.
struct Row {
    address: String,
    time: String,
    workload: String,
    state: &'static str,
    operations: String,
    messages_per_operation: String,
    seed: String,
}

/// The words that the index can be filtered by.
const VERDICTS: [&str; 5] = ["valid", "invalid", "unknown", "running", "interrupted"];

impl Index {
    fn read(store: &Store, filter: Filter) -> Index {
        let runs = store.runs();
        let total = runs.len();
        let mut workloads: Vec<String> =
            runs.iter().filter_map(|run| Some(run.relative.split_once('/')?.0.to_owned())).collect();
        workloads.sort();
        workloads.dedup();
        let listed = runs.iter().filter(|run| {
            filter.workload.is_empty() || run.relative.split('/').next() == Some(filter.workload.as_str())
        });
        // Filtering by verdict means reading the results. The iterator is lazy, so no more are read than are shown.
        let rows = listed.map(|run| (run, RunSummary::read(&run.directory)));
        let rows =
            rows.filter(|(_, summary)| filter.verdict.is_empty() || summary.state.name() == filter.verdict);
        let wanted = filter.text.to_lowercase();
        let rows = rows.filter(|(run, summary)| {
            let texts = [
                Some(run.relative.clone()),
                summary.seed.clone(),
                summary.command(),
                Some(summary.sentence()),
            ];
            wanted.is_empty() || texts.iter().flatten().any(|text| text.to_lowercase().contains(&wanted))
        });
        let first = filter.page.saturating_mul(RUNS_PER_PAGE);
        let mut rows: Vec<Row> = rows
            .skip(first)
            .take(RUNS_PER_PAGE + 1)
            .map(|(run, summary)| row(&run.relative, summary))
            .collect();
        let older = (rows.len() > RUNS_PER_PAGE).then_some(filter.page + 1);
        rows.truncate(RUNS_PER_PAGE);
        let refresh = rows.iter().any(|row| row.state == State::Running.name());
        Index { rows, workloads, filter, total, older, refresh }
    }

    fn older_address(&self, page: &usize) -> String {
        format!(
            "/?workload={}&verdict={}&text={}&page={page}",
            encoded(&self.filter.workload),
            encoded(&self.filter.verdict),
            encoded(&self.filter.text)
        )
    }
}

fn row(relative: &str, summary: RunSummary) -> Row {
    let (_, time) = relative.split_once('/').unwrap_or(("", relative));
    Row {
        address: encoded(relative),
        time: time.to_owned(),
        workload: summary.workload.unwrap_or_default(),
        state: summary.state.name(),
        operations: summary.operations.map(|count| grouped(count as f64)).unwrap_or_default(),
        messages_per_operation: summary
            .messages_per_operation
            .map(|figure| format!("{figure:.2}"))
            .unwrap_or_default(),
        seed: summary.seed.unwrap_or_default(),
    }
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    address: String,
    time: String,
    workload: String,
    state: &'static str,
    sentence: Vec<Piece>,
    /// The operations that the sentence is about and does not name.
    operations: Vec<u64>,
    trouble: Option<String>,
    command: Option<String>,
    /// Whether the command gives the same run again.
    is_repeatable: bool,
    figures: Vec<(&'static str, String)>,
    functions: Vec<(String, [String; 4])>,
    findings: Vec<(Vec<Piece>, Vec<u64>)>,
    trail: Option<TrailShown>,
    warnings: Vec<String>,
    plots: Vec<&'static str>,
    documents: Vec<(&'static str, &'static str, String)>,
    cycles: Vec<(String, String)>,
    /// The address of each node's log, its name, and its length.
    logs: Vec<(String, String, String)>,
    has_timeline: bool,
    /// Whether there is something for the scripts to show.
    has_journal: bool,
    refresh: bool,
    /// The run of the same workload before this one, for a comparison.
    earlier: Option<String>,
}

/// What a run's page links to: file, name, and the kind of page that shows it.
const DOCUMENTS: [(&str, &str, &str); 8] = [
    ("timeline.html", "Timeline of operations", "files"),
    ("messages.svg", "Diagram of messages", "files"),
    ("history.txt", "History, a line for each entry", "text"),
    ("history.edn", "History, as EDN", "text"),
    ("results.edn", "Results", "text"),
    ("jepsen.log", "Log of the workbench", "text"),
    ("run.journal", "Journal of the network", "files"),
    ("faults.txt", "Faults, as a script that repeats them", "text"),
];

impl RunPage {
    fn read(relative: &str, directory: &FilePath) -> RunPage {
        let summary = RunSummary::read(directory);
        let exists = |name: &str| reading::open_regular(&directory.join(name)).is_ok();
        let documents = DOCUMENTS.into_iter().filter(|(file, _, _)| exists(file));
        let mut figures: Vec<(&'static str, String)> = Vec::new();
        figures.extend(summary.started.clone().map(|started| ("began", started)));
        figures.extend(summary.seed.clone().map(|seed| ("seed", seed)));
        figures.extend(summary.clock.clone().map(|clock| ("clock", clock)));
        let node_count = summary.nodes.len();
        figures.extend((node_count > 0).then(|| ("nodes", node_count.to_string())));
        figures.extend(summary.version.clone().map(|version| ("version", version)));
        figures.extend(summary.operations.map(|count| ("operations", grouped(count as f64))));
        let outcomes = summary.outcomes.map(|outcomes| outcomes.map(|count| grouped(count as f64)));
        figures.extend(
            outcomes.map(|[ok, info, fail]| ("of these", format!("{ok} ok, {info} info, {fail} fail"))),
        );
        figures.extend(summary.figures.iter().map(|(name, figure)| (*name, grouped(*figure))));
        let state = summary.state.name();
        let nodes = exists(files::JOURNAL).then_some(summary.nodes.as_slice());
        RunPage {
            address: encoded(relative),
            time: relative.split_once('/').map_or(relative, |(_, time)| time).to_owned(),
            sentence: linked(&summary.sentence(), nodes),
            operations: summary.headline.as_ref().map(unnamed).unwrap_or_default(),
            command: summary.command(),
            is_repeatable: summary.clock.as_deref() == Some("virtual"),
            state,
            workload: summary.workload.unwrap_or_default(),
            trouble: summary.trouble,
            figures,
            functions: summary
                .functions
                .into_iter()
                .map(|(name, counts)| (name, counts.map(|count| grouped(count as f64))))
                .collect(),
            findings: summary
                .findings
                .iter()
                .map(|finding| (linked(&finding.sentence, nodes), unnamed(finding)))
                .collect(),
            trail: summary.trail.as_ref().map(|trail| TrailShown::new(trail, nodes)),
            warnings: summary.warnings,
            plots: PLOTS.into_iter().filter(|plot| exists(&format!("{plot}.svg"))).collect(),
            documents: documents
                .map(|(file, name, page)| (file, name, format!("/{page}/{}", encoded(&join(relative, file)))))
                .collect(),
            cycles: files_in(cycles::DIRECTORY, relative, directory)
                .into_iter()
                .map(|(address, name, _)| (address, name))
                .collect(),
            logs: files_in(files::NODE_LOGS, relative, directory)
                .into_iter()
                .map(|(address, name, bytes)| (address, name, size(bytes)))
                .collect(),
            has_timeline: exists("timeline.html"),
            has_journal: exists(files::JOURNAL),
            refresh: state == State::Running.name(),
            earlier: None,
        }
    }
}

/// The run of the same workload before one.
fn earlier(store: &Store, relative: &str) -> Option<String> {
    let (workload, _) = relative.split_once('/')?;
    let runs = store.runs().into_iter().map(|run| run.relative);
    let mut later = runs.skip_while(|other| other != relative).skip(1);
    later.find(|other| other.split('/').next() == Some(workload)).map(|other| encoded(&other))
}

/// The operations of a finding that its sentence does not name.
fn unnamed(finding: &Finding) -> Vec<u64> {
    let pieces = linked(&finding.sentence, Some(&[]));
    let is_named = |index: &u64| {
        pieces.iter().any(|piece| piece.place.as_deref() == Some(format!("#op{index}").as_str()))
    };
    finding.operations.iter().copied().filter(|index| !is_named(index)).take(12).collect()
}

/// The files of a folder of the run: address, name and size.
fn files_in(folder: &str, relative: &str, directory: &FilePath) -> Vec<(String, String, u64)> {
    let folder_path = directory.join(folder);
    // A node may have replaced the folder by a link.
    let is_folder = std::fs::symlink_metadata(&folder_path).is_ok_and(|metadata| metadata.is_dir());
    let entries = is_folder.then(|| std::fs::read_dir(folder_path)).into_iter().flatten().flatten().flatten();
    let mut files: Vec<(String, u64)> = entries
        .filter_map(|entry| {
            Some((
                entry.file_name().into_string().ok()?,
                entry.metadata().ok().filter(std::fs::Metadata::is_file)?.len(),
            ))
        })
        .collect();
    // Shorter names first, so that n2 comes before n10.
    files.sort_by(|left, right| left.0.len().cmp(&right.0.len()).then_with(|| left.0.cmp(&right.0)));
    let address = |name: &str| encoded(&join(relative, &format!("{folder}/{name}")));
    files.into_iter().map(|(name, bytes)| (address(&name), name, bytes)).collect()
}

/// A trail whose messages and operations are links to their places in the drawing.
struct TrailShown {
    subject: String,
    /// Each with the time, what it links to, and the text.
    steps: Vec<(String, Option<u64>, Vec<Piece>)>,
    left_out: Option<String>,
    conclusions: Vec<Vec<Piece>>,
}

impl TrailShown {
    /// Without a journal there is no drawing to link to.
    fn new(trail: &Trail, nodes: Option<&[String]>) -> Self {
        /// Results may come from anywhere; a trail of ours is far shorter.
        const MAX_LINES: usize = 200;
        let steps = trail.steps.iter().take(MAX_LINES).map(|step| {
            let time = format!("{:.6} s", step.time.as_ns() as f64 / 1e9);
            (time, step.messages.first().copied().filter(|_| nodes.is_some()), linked(&step.text, nodes))
        });
        Self {
            subject: trail.subject.clone(),
            steps: steps.collect(),
            left_out: (trail.left_out > 0).then(|| grouped(trail.left_out as f64)),
            conclusions: trail.conclusions.iter().take(MAX_LINES).map(|text| linked(text, nodes)).collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "directory.html")]
struct Directory {
    crumbs: Vec<(String, String)>,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    address: String,
    is_directory: bool,
    is_text: bool,
    size: String,
}

#[derive(Template)]
#[template(path = "text.html")]
struct TextPage {
    crumbs: Vec<(String, String)>,
    address: String,
    sentence: String,
    lines: Vec<(u64, String)>,
}

impl TextPage {
    fn read(path: &str, file: &FilePath) -> io::Result<TextPage> {
        let mut file = reading::open_regular(file)?;
        let length = file.metadata()?.len();
        let start = length.saturating_sub(MAX_TEXT);
        // Lines are counted only as long as that is quick: a sparse file can be larger than any disk.
        let before = if start <= MAX_COUNTED { count_lines(&mut file, start)? } else { 0 };
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(MAX_TEXT).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<(u64, String)> = (before + 1..).zip(text.lines().map(str::to_owned)).collect();
        let sentence = match (length, start) {
            (0, _) => "The file is empty.".to_owned(),
            (_, 0) => format!("{} in {} lines.", size(length), grouped(lines.len() as f64)),
            _ => format!(
                "The last {} of {}; download the file to read the rest.",
                size(MAX_TEXT),
                size(length)
            ),
        };
        Ok(TextPage { crumbs: crumbs(path), address: encoded(path), sentence, lines })
    }
}

/// How many lines end in the first `length` bytes.
fn count_lines(file: &mut File, length: u64) -> io::Result<u64> {
    let mut buffer = vec![0; 64 << 10];
    let mut source = file.take(length);
    let mut lines = 0;
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(lines),
            read => lines += buffer[..read].iter().filter(|byte| **byte == b'\n').count() as u64,
        }
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    sentence: &'a str,
}

#[derive(Template)]
#[template(path = "style.css", escape = "none")]
struct Style<'a> {
    inks: &'a [Ink],
}

/// The way to a file: the name and the address of each directory above it, and of itself.
fn crumbs(path: &str) -> Vec<(String, String)> {
    let mut crumbs = vec![("store".to_owned(), String::new())];
    let mut address = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        address = join(&address, part);
        crumbs.push((part.to_owned(), encoded(&address)));
    }
    crumbs
}

fn join(path: &str, name: &str) -> String {
    match path.trim_end_matches('/') {
        "" => name.to_owned(),
        path => format!("{path}/{name}"),
    }
}

/// A path in a URL, percent-encoded except for letters, digits and a few signs.
pub(super) fn encoded(path: &str) -> String {
    let mut address = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                address.push(char::from(byte));
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

/// A number of bytes with a unit.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
