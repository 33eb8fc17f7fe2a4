//! The output at the end of a run: the verdict, the figures that matter, and the command that runs it again.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use comfy_table::{Table, presets};
use glomers_check::{Validity, edn};
use glomers_protocol::text;
use glomers_workbench::{run::Ending, verdict::Conclusion};
use glomers_world::ClockKind;

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
const NO_VERDICT: &str = "No verdict.";

/// The exit status of a run.
pub(crate) fn exit_status(report: &Report) -> ExitStatus {
    let conclusion = &report.conclusion;
    match conclusion.ending {
        Ending::Interrupted { signal } => ExitStatus::Interrupted { signal },
        // Maelstrom fails with an internal error if a node died or did not answer init.
        _ if conclusion.is_aborted => ExitStatus::Internal,
        Ending::Complete | Ending::NotStarted { .. } | Ending::FailedFast => {
            ExitStatus::of(conclusion.validity)
        }
    }
}

/// Prints a run's results on stdout.
pub(crate) fn print(report: &Report, format: Format) -> Result<(), OutputError> {
    let text = match format {
        Format::Human => human(report),
        Format::Edn => format!("{}\n", edn::pretty(&report.conclusion.results)),
        Format::Json => format!("{}\n", report.conclusion.results.to_json_pretty()),
    };
    output::print(&text)
}

fn human(report: &Report) -> String {
    let (words, colour) = match (&report.conclusion.ending, report.conclusion.validity) {
        (_, Validity::Invalid) => (INVALID, AnsiColor::Red),
        (Ending::Interrupted { .. }, _) | (_, Validity::Unknown) => (NO_VERDICT, AnsiColor::Yellow),
        (_, Validity::Valid) => (VALID, AnsiColor::Green),
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    format!("\n{style}{words}{style:#} {}\n{}\n", verdict(report), figures(report))
}

/// The verdict in one sentence, with the findings and warnings below it.
pub(crate) fn verdict(report: &Report) -> String {
    let mut text = format!("{}\n", text::escape_lines(&report.conclusion.sentence));
    for finding in &report.conclusion.findings {
        let _ = writeln!(text, "  - {}", text::escape_lines(&finding.sentence).replace('\n', "\n    "));
    }
    text.push_str(&trail(report));
    if !report.conclusion.warnings.is_empty() {
        let yellow = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
        let _ = writeln!(text, "\n{yellow}Warnings{yellow:#} (they do not decide the verdict)");
        for warning in &report.conclusion.warnings {
            let _ = writeln!(text, "  - {}", text::escape_lines(&warning.sentence).replace('\n', "\n    "));
        }
    }
    text
}

/// What happened to what the first finding of an invalid run speaks of, or where to read it.
fn trail(report: &Report) -> String {
    let conclusion = &report.conclusion;
    let mut findings = conclusion.headline.iter().chain(&conclusion.findings);
    match &conclusion.trail {
        Some(trail) => format!("\n{}", text::escape_lines(&trail.to_string())),
        None if conclusion.validity == Validity::Invalid
            && findings.any(glomers_check::Finding::names_something) =>
        {
            format!("\n`glomers why {}` tells what happened to it.\n", report.directory.display())
        }
        None => String::new(),
    }
}

fn figures(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let Conclusion { counts, statistics, .. } = &report.conclusion;
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
    if counts.invoked > 0 {
        let ok_fraction = counts.ok as f64 / counts.invoked as f64;
        table.add_row(vec!["ok fraction".to_owned(), ok_fraction.to_string()]);
    }
    let latency = report.conclusion.perf.summary().ok;
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
        format!("{} in all, {} between servers", statistics.all.msg_count, statistics.servers.msg_count),
    ]);
    if counts.invoked > 0 {
        let per_operation = |messages: u64| messages as f64 / counts.invoked as f64;
        let (all, servers) =
            (per_operation(statistics.all.msg_count), per_operation(statistics.servers.msg_count));
        table.add_row(vec![
            "  per operation".to_owned(),
            format!("{all:.2} in all, {servers:.2} between servers"),
        ]);
    }
    let until = match report.conclusion.ending {
        Ending::Interrupted { .. } => " (until it was interrupted)",
        Ending::Complete | Ending::NotStarted { .. } | Ending::FailedFast => "",
    };
    table.add_row(vec![
        "valid".to_owned(),
        format!(":valid? {}{until}", report.conclusion.validity.to_value()),
    ]);
    let (what_repeats, time) = match report.clock {
        ClockKind::Real => ("repeats the plan, not the system's scheduling".to_owned(), None),
        ClockKind::Virtual => {
            let virtual_s = report.conclusion.ended_at.as_ns() as f64 / 1e9;
            let real_s = report.real_time.as_secs_f64();
            let factor = virtual_s / real_s.max(1e-9);
            let time = format!("{virtual_s:.1} s virtual in {real_s:.2} s ({factor:.0} times as fast)");
            (format!("repeats the run; trace hash {:016x}", report.conclusion.trace_hash), Some(time))
        }
    };
    if let Some(time) = time {
        table.add_row(vec!["time".to_owned(), time]);
    }
    table.add_row(vec!["seed".to_owned(), format!("{} ({what_repeats})", report.seed)]);
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
