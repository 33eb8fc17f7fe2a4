//! The output at the end of a run: the verdict, the figures that matter, and the command that runs it again.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use comfy_table::{Table, presets};
use glomers_check::{Validity, edn};
use glomers_protocol::text;
use glomers_workbench::run::Ending;

use super::{
    exit::ExitStatus,
    output::{self, OutputError},
};
use crate::{execution::Report, shell};

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A verdict in one sentence, then the figures that matter.
    Human,
    /// Maelstrom's results map.
    Edn,
    /// The same map as JSON.
    Json,
}

/// What Maelstrom prints below a valid and an invalid results map, for scripts that look for it.
const VALID: &str = "Everything looks good!";
const INVALID: &str = "Analysis invalid!";
const UNKNOWN: &str = "No verdict.";
const INTERRUPTED: &str = "Interrupted: no verdict.";

/// The exit status of a run.
pub(crate) fn exit_status(report: &Report) -> ExitStatus {
    match report.ending {
        Ending::Interrupted { signal } => ExitStatus::Interrupted { signal },
        // Maelstrom fails with an internal error if a node died or did not answer init.
        _ if report.is_aborted => ExitStatus::Internal,
        Ending::Complete | Ending::NotStarted { .. } | Ending::FailedFast => ExitStatus::of(report.validity),
    }
}

/// Prints a run's results on stdout.
pub(crate) fn print(report: &Report, format: Format) -> Result<(), OutputError> {
    let text = match format {
        Format::Human => human(report),
        Format::Edn => format!("{}\n", edn::pretty(&report.results)),
        Format::Json => format!("{}\n", report.results.to_json_pretty()),
    };
    output::print(&text)
}

fn human(report: &Report) -> String {
    let (words, colour) = match (&report.ending, report.validity) {
        (_, Validity::Invalid) => (INVALID, AnsiColor::Red),
        (Ending::Interrupted { .. }, _) => (INTERRUPTED, AnsiColor::Yellow),
        (_, Validity::Unknown) => (UNKNOWN, AnsiColor::Yellow),
        (_, Validity::Valid) => (VALID, AnsiColor::Green),
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    format!("\n{style}{words}{style:#} {}\n{}\n", verdict(report), figures(report))
}

/// The verdict in one sentence, with the findings and warnings below it.
pub(crate) fn verdict(report: &Report) -> String {
    let mut text = format!("{}\n", text::escape_lines(&report.sentence));
    for finding in &report.findings {
        let _ = writeln!(text, "  - {}", text::escape_lines(&finding.sentence).replace('\n', "\n    "));
    }
    if !report.warnings.is_empty() {
        let yellow = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
        let _ = writeln!(text, "\n{yellow}Warnings{yellow:#} (they do not decide the verdict)");
        for warning in &report.warnings {
            let _ = writeln!(text, "  - {}", text::escape_lines(&warning.sentence).replace('\n', "\n    "));
        }
    }
    text
}

fn figures(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let figures = &report.figures;
    let counts = &figures.operations;
    table.add_row(vec![
        "operations".to_owned(),
        format!(
            "{} ({} ok, {} failed, {} unknown{})",
            counts.invoked,
            counts.ok,
            counts.failed,
            counts.unknown,
            if counts.timed_out > 0 { format!("; {} timed out", counts.timed_out) } else { String::new() }
        ),
    ]);
    table.add_row(vec!["ok fraction".to_owned(), format!("{}", figures.ok_fraction)]);
    let latency = &figures.latency;
    if latency.count > 0 {
        let quantiles = [
            ("p50", latency.p50_ms),
            ("p95", latency.p95_ms),
            ("p99", latency.p99_ms),
            ("max", latency.max_ms),
        ];
        let quantiles: Vec<String> =
            quantiles.iter().map(|(name, value)| format!("{name} {} ms", milliseconds(*value))).collect();
        table.add_row(vec!["latency".to_owned(), quantiles.join("  ")]);
    }
    table.add_row(vec![
        "messages".to_owned(),
        format!("{} in all, {} between servers", figures.messages, figures.server_messages),
    ]);
    if counts.invoked > 0 {
        let per_operation = |messages: u64| messages as f64 / counts.invoked as f64;
        let (all, servers) = (per_operation(figures.messages), per_operation(figures.server_messages));
        table.add_row(vec![
            "  per operation".to_owned(),
            format!("{all:.2} in all, {servers:.2} between servers"),
        ]);
    }
    table.add_row(vec!["valid".to_owned(), format!(":valid? {}", report.validity.to_value())]);
    table.add_row(vec![
        "seed".to_owned(),
        format!("{} (repeats the plan, not the system's scheduling)", report.seed),
    ]);
    table.add_row(vec!["results".to_owned(), report.directory.display().to_string()]);
    table.add_row(vec!["again".to_owned(), text::escape_lines(&shell::command_line(&report.argv))]);
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Milliseconds, with about three significant digits.
fn milliseconds(value: f64) -> String {
    match value {
        value if value < 1.0 => format!("{value:.3}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}
