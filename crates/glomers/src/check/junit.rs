//! What came of histories, as JUnit's XML, for servers that show tests.

use glomers_check::Validity;
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::Answer;
use crate::run_directory::log::escape_controls;

/// The answers as a report: one suite, one test for each history, named after it; an invalid history is a failure, one of
/// which nothing is known an error. Without dates, so that the same histories make the same report.
///
/// # Errors
/// The XML cannot be written, which text in memory does not cause.
pub fn junit(answers: &[Answer]) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new("glomers check");
    for answer in answers {
        suite.add_test_case(case(answer));
    }
    let mut report = Report::new("glomers");
    report.add_test_suite(suite);
    report.to_string()
}

fn case(answer: &Answer) -> TestCase {
    let kind = match answer.validity {
        Validity::Valid => None,
        Validity::Invalid => Some(NonSuccessKind::Failure),
        Validity::Unknown => Some(NonSuccessKind::Error),
    };
    let status = kind.map_or_else(TestCaseStatus::success, |kind| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_message(escape_controls(&answer.sentence)).set_type(answer.validity.to_string());
        let findings: Vec<String> =
            answer.findings.iter().map(|finding| escape_controls(&finding.sentence)).collect();
        status.set_description(findings.join("\n"));
        status
    });
    let mut case = TestCase::new(escape_controls(&answer.path.display().to_string()), status);
    case.set_classname(answer.checked_as.as_deref().map_or_else(|| "unknown".to_owned(), escape_controls));
    case
}
