//! Verdicts as JUnit XML, for CI servers that show tests.

use glomers_check::{Finding, Validity};
use glomers_protocol::text;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

/// One test of a report: a run, or a history.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What was checked, such as a path.
    pub name: &'a str,
    /// What it was checked as, such as the workload.
    pub class: &'a str,
    /// The verdict. Invalid is a failure, unknown an error.
    pub validity: Validity,
    /// The verdict in one sentence.
    pub sentence: &'a str,
    /// The findings.
    pub findings: &'a [Finding],
}

/// A report with one suite. It has no dates, so the same cases make the same report.
///
/// # Errors
/// When the XML can't be written, which text in memory does not cause.
pub fn report<'a>(
    suite_name: &str,
    cases: impl IntoIterator<Item = Case<'a>>,
) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(suite_name);
    for case in cases {
        suite.add_test_case(test_case(&case));
    }
    let mut report = Report::new("glomers");
    report.add_test_suite(suite);
    report.to_string()
}

fn test_case(case: &Case<'_>) -> TestCase {
    let kind = match case.validity {
        Validity::Valid => None,
        Validity::Invalid => Some(NonSuccessKind::Failure),
        Validity::Unknown => Some(NonSuccessKind::Error),
    };
    let status = kind.map_or_else(TestCaseStatus::success, |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(text::escape_lines(case.sentence)).set_type(case.validity.to_string());
        let findings: Vec<String> =
            case.findings.iter().map(|finding| text::escape_lines(&finding.sentence)).collect();
        status.set_description(findings.join("\n"));
        status
    });
    let mut test = TestCase::new(text::escape_lines(case.name), status);
    test.set_classname(text::escape_lines(case.class));
    test
}
