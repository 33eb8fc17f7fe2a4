//! The results of checks, for people and for scripts.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use glomers_check::{Finding, Validity, Value};
use glomers_protocol::text;

use super::Answer;

/// How many findings are shown; the results contain all.
const SHOWN: usize = 20;

/// The answers as text for a terminal, with control characters escaped.
pub fn human(answers: &[Answer]) -> String {
    let mut text = String::new();
    for answer in answers {
        describe(answer, &mut text);
    }
    if answers.len() > 1 {
        let count = |validity| answers.iter().filter(|answer| answer.validity == validity).count();
        let _ = writeln!(
            text,
            "\n{} histories: {} valid, {} invalid, {} unknown.",
            answers.len(),
            count(Validity::Valid),
            count(Validity::Invalid),
            count(Validity::Unknown)
        );
    }
    text
}

fn describe(answer: &Answer, text: &mut String) {
    let colour = match answer.validity {
        Validity::Valid => AnsiColor::Green,
        Validity::Unknown => AnsiColor::Yellow,
        Validity::Invalid => AnsiColor::Red,
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    let path = text::escape_lines(&answer.path.display().to_string());
    let _ = writeln!(text, "\n{style}{}{style:#} {path}: {}", answer.validity, escape(&answer.sentence));
    let others: Vec<&Finding> =
        answer.findings.iter().filter(|finding| finding.sentence != answer.sentence).collect();
    for finding in others.iter().take(SHOWN) {
        let _ = writeln!(text, "  - {}", escape(&finding.sentence));
    }
    if others.len() > SHOWN {
        let _ = writeln!(text, "  - {} more; --format edn shows all.", others.len() - SHOWN);
    }
    if let Some(checked_as) = &answer.checked_as {
        let _ = writeln!(text, "  checked as  {}: {}", escape(checked_as), escape(&answer.reason));
        let counts = answer.counts;
        let _ = writeln!(
            text,
            "  operations  {} ({} ok, {} failed, {} unknown)",
            counts.invoked, counts.ok, counts.failed, counts.unknown
        );
    }
    if let Some(seed) = answer.seed {
        let _ = writeln!(text, "  seed        {seed}");
    }
    let _ = writeln!(text, "  valid       :valid? {}", answer.validity.to_value());
}

fn escape(text: &str) -> String {
    text::escape_lines(text).replace('\n', "\n    ")
}

/// The answers as one map: that of the only history, or `:results` by file, `:failures` and `:valid?`.
///
/// To Maelstrom's keys come `:file`, `:checked-as`, `:reason`, `:seed` and `:findings`, each of which is a map of a
/// `:sentence` and the indices of its `:operations`.
pub fn results(answers: &[Answer]) -> Value {
    if let [answer] = answers {
        return result(answer);
    }
    let file = |answer: &Answer| Value::from(answer.path.to_string_lossy().as_ref());
    let by_file = answers.iter().map(|answer| (file(answer), result(answer))).collect();
    let failures = answers.iter().filter(|answer| answer.validity == Validity::Invalid).map(file).collect();
    Value::record([
        ("valid?", Validity::merge(answers.iter().map(|answer| answer.validity)).to_value()),
        ("results", Value::Map(by_file)),
        ("failures", Value::Vector(failures)),
    ])
}

fn result(answer: &Answer) -> Value {
    let mut results = answer.results.clone();
    results.insert("file", Value::from(answer.path.to_string_lossy().as_ref()));
    if let Some(checked_as) = &answer.checked_as {
        results.insert("checked-as", Value::from(checked_as.as_str()));
        results.insert("reason", Value::from(answer.reason.as_str()));
    }
    if let Some(seed) = answer.seed {
        results.insert("seed", Value::from(seed));
    }
    let findings = answer.findings.iter().map(|finding| {
        let operations = finding.operations.iter().map(|index| Value::from(*index)).collect();
        Value::record([
            ("sentence", Value::from(finding.sentence.as_str())),
            ("operations", Value::Vector(operations)),
        ])
    });
    results.insert("findings", Value::Vector(findings.collect()));
    results
}
