//! A run as its directory shows it, even where files are missing or incomplete.

use std::{io, path::Path};

use glomers_check::{Finding, Validity, Value, edn};
use glomers_workbench::trail::Trail;

use crate::{
    run_directory::{is_under_way, reading},
    shell,
};

/// Results larger than this are not read for a page, in bytes: their bulk is the details of many keys, not figures.
const MAX_RESULTS: u64 = 32 << 20;

/// `run.json` is never larger than this, in bytes: its findings are bounded when they are made.
const MAX_PLAN: u64 = 16 << 20;

/// A run, read back from its directory.
///
/// It is made of two files, either of which may be missing, incomplete or malformed:
///
/// - `run.json`, written when the run begins and again when it ends: a [`RunFile`](crate::run_directory::manifest::RunFile).
/// - `results.edn`, written when it has ended: Maelstrom's map, and `:nodes`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSummary {
    /// Whether the run is still going on, or how it ended.
    pub state: State,
    /// The workload's name.
    pub workload: Option<String>,
    /// When it began, as `run.json` has it.
    pub started: Option<String>,
    /// The random seed.
    pub seed: Option<String>,
    /// Which clock the run had: `real` or `virtual`.
    pub clock: Option<String>,
    /// The nodes that took part, by name.
    pub nodes: Vec<String>,
    /// The version of the workbench.
    pub version: Option<String>,
    /// The command line, word by word.
    pub arguments: Vec<String>,
    /// How many operations completed.
    pub operations: Option<u64>,
    /// How many of them succeeded, how many have an unknown outcome, and how many failed: ok, info, fail.
    pub outcomes: Option<[u64; 3]>,
    /// The same figures for each function: its name, then count, ok, info, fail.
    pub functions: Vec<(String, [u64; 4])>,
    /// Messages between servers for each operation.
    pub messages_per_operation: Option<f64>,
    /// Further figures, each with its name.
    pub figures: Vec<(&'static str, f64)>,
    /// Which parts of the results are not valid, such as `workload`.
    pub blamed: Vec<String>,
    /// The finding that the verdict's sentence tells.
    pub headline: Option<Finding>,
    /// What the checkers found, the most important first.
    pub findings: Vec<Finding>,
    /// What happened to what the first finding speaks of.
    pub trail: Option<Trail>,
    /// What a reader of the verdict should know although it does not decide it, in sentences.
    pub warnings: Vec<String>,
    /// The verdict in one sentence, as `run.json` has it.
    pub told: Option<String>,
    /// Which part of the directory could not be read, in a sentence.
    pub trouble: Option<String>,
}

/// Whether a run is still going on, or how it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It has results.
    Finished(Validity),
    /// It is still going on.
    Running,
    /// The workbench was killed, or the machine stopped.
    Killed,
    /// The workbench could not go on, such as on a full disk.
    Error,
    /// It ended without results.
    #[default]
    Interrupted,
}

impl State {
    /// The one word that pages show and filter by.
    pub fn name(self) -> &'static str {
        match self {
            State::Finished(Validity::Valid) => "valid",
            State::Finished(Validity::Unknown) => "unknown",
            State::Finished(Validity::Invalid) => "invalid",
            State::Running => "running",
            State::Killed => "killed",
            State::Error => "error",
            State::Interrupted => "interrupted",
        }
    }
}

impl RunSummary {
    /// Reads the files that exist. A missing or broken file is not an error: [`trouble`](Self::trouble) says so.
    pub fn read(directory: &Path) -> RunSummary {
        let mut summary = RunSummary::default();
        let status = summary.read_plan(directory);
        if summary.workload.is_none() {
            // The directory of a run lies in that of its workload.
            let parent = directory.parent().and_then(Path::file_name);
            summary.workload = parent.map(|name| name.to_string_lossy().into_owned());
        }
        match reading::read_text(&directory.join("results.edn"), MAX_RESULTS) {
            Ok(text) => match edn::read(&text) {
                Ok(results) => summary.read_results(&results),
                Err(error) => summary.trouble = Some(format!("results.edn is not complete: {error}")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                summary.state = match status.as_deref() {
                    Some("running") if is_under_way(directory) => State::Running,
                    Some("running") => State::Killed,
                    Some("error") => State::Error,
                    _ => State::Interrupted,
                };
            }
            Err(error) => summary.trouble = Some(format!("results.edn cannot be read: {error}")),
        }
        summary
    }

    /// The verdict in one sentence.
    pub fn sentence(&self) -> String {
        match self.state {
            State::Running => "The run is still going on; this page shows its record so far.".to_owned(),
            State::Killed => {
                "The workbench was killed before the run ended. The files below hold what it recorded until \
                              then, and `glomers check` on this directory checks it."
                    .to_owned()
            }
            State::Error => match &self.told {
                Some(error) => format!("The workbench could not go on: {error}"),
                None => "The workbench could not go on.".to_owned(),
            },
            State::Interrupted => {
                "The run ended without results. The files below hold what it recorded.".to_owned()
            }
            State::Finished(validity) => match (&self.told, self.blamed.is_empty()) {
                (Some(told), _) => told.clone(),
                (None, false) => {
                    format!("The run is {validity}: see {} in the results.", self.blamed.join(", "))
                }
                (None, true) => format!("The run is {validity}."),
            },
        }
    }

    /// The command that repeats the run, quoted for a shell.
    pub fn command(&self) -> Option<String> {
        (!self.arguments.is_empty()).then(|| shell::command_line(&self.arguments))
    }

    /// Reads the plan and returns its status.
    fn read_plan(&mut self, directory: &Path) -> Option<String> {
        let text = match reading::read_text(&directory.join("run.json"), MAX_PLAN) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.trouble = Some(format!("run.json cannot be read: {error}"));
                return None;
            }
        };
        let run: serde_json::Value = match serde_json::from_str(&text) {
            Ok(run) => run,
            Err(error) => {
                self.trouble = Some(format!("run.json is not complete: {error}"));
                return None;
            }
        };
        let word = |path: &str| match run.pointer(path)? {
            serde_json::Value::String(text) => Some(text.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let elements = |path: &str| run.pointer(path).and_then(serde_json::Value::as_array);
        self.workload = word("/plan/workload");
        self.started = word("/started");
        self.seed = word("/plan/seed");
        self.clock = word("/clock");
        self.version = word("/version");
        self.told = word("/sentence");
        let nodes = elements("/plan/nodes").into_iter().flatten();
        self.nodes = nodes.filter_map(|node| node.as_str().map(str::to_owned)).collect();
        let arguments = elements("/argv").into_iter().flatten();
        self.arguments = arguments.filter_map(|word| word.as_str().map(str::to_owned)).collect();
        let headline = run.get("headline").and_then(|finding| serde_json::from_value(finding.clone()).ok());
        self.headline = headline;
        let findings = run.get("findings").and_then(|findings| serde_json::from_value(findings.clone()).ok());
        self.findings = findings.unwrap_or_default();
        let warnings = elements("/warnings").into_iter().flatten();
        self.warnings =
            warnings.filter_map(|warning| warning.get("sentence")?.as_str().map(str::to_owned)).collect();
        word("/status")
    }

    fn read_results(&mut self, results: &Value) {
        self.trail = results.get("trail").and_then(Trail::from_value);
        let validity = results.get("valid?").and_then(Validity::from_value);
        self.state = State::Finished(validity.unwrap_or(Validity::Unknown));
        if let Some(stats) = results.get("stats") {
            let [count, ok, info, fail] = counts(stats);
            self.operations = Some(count);
            self.outcomes = Some([ok, info, fail]);
            let by_function = stats.get("by-f").and_then(Value::as_map).unwrap_or_default();
            self.functions = by_function.iter().map(|(f, stats)| (word(f), counts(stats))).collect();
        }
        let at = |path: &[&str]| path.iter().try_fold(results, |value, key| value.get(key));
        self.messages_per_operation = at(&["net", "servers", "msgs-per-op"]).and_then(number);
        for (name, path) in FIGURES {
            self.figures.extend(at(path).and_then(number).map(|figure| (*name, figure)));
        }
        let parts = results.as_map().unwrap_or_default();
        let invalid = parts.iter().filter(|(_, part)| {
            part.get("valid?")
                .and_then(Validity::from_value)
                .is_some_and(|validity| validity != Validity::Valid)
        });
        self.blamed = invalid.map(|(name, _)| word(name)).collect();
    }
}

/// The figures that a page tabulates, and their paths in the results.
const FIGURES: &[(&str, &[&str])] = &[
    ("share of operations that succeeded", &["availability", "ok-fraction"]),
    ("messages", &["net", "all", "msg-count"]),
    ("messages between servers", &["net", "servers", "msg-count"]),
    ("messages with clients", &["net", "clients", "msg-count"]),
    ("messages per operation", &["net", "all", "msgs-per-op"]),
    ("messages between servers per operation", &["net", "servers", "msgs-per-op"]),
];

/// Count, ok, info and fail of one map of statistics.
fn counts(stats: &Value) -> [u64; 4] {
    ["count", "ok-count", "info-count", "fail-count"].map(|key| {
        stats.get(key).and_then(Value::as_int).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
    })
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) if number.is_finite() => Some(*number),
        _ => None,
    }
}

/// A key for display: a keyword without its colon, a text without its quotes.
fn word(key: &Value) -> String {
    key.as_keyword().or_else(|| key.as_str()).map_or_else(|| key.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)]) -> RunSummary {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        RunSummary::read(directory.path())
    }

    #[test]
    fn a_finished_run_is_read_whole() {
        let summary = read(&[
            (
                "run.json",
                r#"{"plan":{"workload":"lin-kv","seed":18446744073709551615,"nodes":["n0"]},"argv":["glomers","test","-w","lin-kv","--log","it's"],
                 "status":"finished","sentence":"n1 forgot 3.","findings":[{"sentence":"It was acknowledged.","operations":[4,7]}],
                 "warnings":[{"kind":"time-out","count":3,"sentence":"3 requests timed out."}]}"#,
            ),
            (
                "results.edn",
                r#"{:stats {:valid? true, :count 3, :ok-count 1, :info-count 1, :fail-count 1, :by-f {:read {:count 3, :ok-count 1, :info-count 1, :fail-count 1}}},
               :net {:servers {:msgs-per-op 1.5}}, :workload {:valid? false}, :valid? false}"#,
            ),
        ]);
        assert_eq!(summary.state, State::Finished(Validity::Invalid));
        assert_eq!(summary.sentence(), "n1 forgot 3.");
        assert_eq!(summary.findings[0].operations, [4, 7]);
        assert_eq!(summary.warnings, ["3 requests timed out."]);
        assert_eq!((summary.operations, summary.outcomes), (Some(3), Some([1, 1, 1])));
        assert_eq!(summary.messages_per_operation, Some(1.5));
        assert_eq!(summary.functions, [("read".to_owned(), [3, 1, 1, 1])]);
        assert_eq!(summary.seed.as_deref(), Some("18446744073709551615"));
        assert_eq!(summary.command().unwrap(), r"glomers test -w lin-kv --log 'it'\''s'");
        assert_eq!(summary.trouble, None);
    }

    #[test]
    fn a_run_without_results_says_why_it_has_none() {
        assert_eq!(read(&[("run.json", r#"{"status":"running"}"#)]).state, State::Killed);
        let error = read(&[("run.json", r#"{"status":"error","sentence":"no space left"}"#)]);
        assert_eq!((error.state, error.sentence().contains("no space left")), (State::Error, true));
        assert_eq!(read(&[("run.json", r#"{"status":"interrupted"}"#)]).state, State::Interrupted);
        assert_eq!(read(&[]).state, State::Interrupted);
    }

    #[test]
    fn half_written_and_hostile_files_are_survived() {
        let summary = read(&[("run.json", "{\"workload\":\"ec"), ("results.edn", "{:valid? true, :stats {")]);
        assert_eq!(summary.state, State::Interrupted);
        assert!(summary.trouble.unwrap().starts_with("results.edn is not complete"));
        for results in
            ["", "nil", "[1 2", "{:valid? 7, :stats 3, :findings 9, :net []}", &"[".repeat(100_000)]
        {
            let summary = read(&[("results.edn", results), ("run.json", "[]")]);
            assert_ne!(
                summary.state,
                State::Finished(Validity::Valid),
                "{}",
                &results[..results.len().min(20)]
            );
        }
    }
}
