//! What a checker says in the end.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Value;

/// Whether a history is what the system promised.
///
/// The order is that of composition: the greatest of several validities is the validity of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Validity {
    /// The history is correct.
    #[default]
    Valid,
    /// The checker crashed, gave up, ran out of its budget, or had nothing to judge.
    Unknown,
    /// The history breaks the promise.
    Invalid,
}

impl Validity {
    /// The validity of several parts: invalid if any is, else unknown if any is, else valid.
    ///
    /// ```
    /// use glomers_check::Validity::{self, Invalid, Unknown, Valid};
    /// assert_eq!(Validity::merge([Valid, Unknown]), Unknown);
    /// assert_eq!(Validity::merge([Invalid, Unknown]), Invalid);
    /// assert_eq!(Validity::merge([]), Valid);
    /// ```
    pub fn merge(validities: impl IntoIterator<Item = Self>) -> Self {
        validities.into_iter().max().unwrap_or_default()
    }

    /// What `:valid?` says in a results map: true, false or `:unknown`.
    pub fn to_value(self) -> Value {
        match self {
            Self::Valid => Value::Bool(true),
            Self::Unknown => Value::keyword("unknown"),
            Self::Invalid => Value::Bool(false),
        }
    }

    /// Reads what [`Validity::to_value`] wrote.
    pub fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(true) => Some(Self::Valid),
            Value::Bool(false) => Some(Self::Invalid),
            Value::Keyword(name) if name == "unknown" => Some(Self::Unknown),
            _ => None,
        }
    }
}

impl From<bool> for Validity {
    fn from(valid: bool) -> Self {
        if valid { Self::Valid } else { Self::Invalid }
    }
}

impl From<Validity> for Value {
    fn from(validity: Validity) -> Self {
        validity.to_value()
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Valid => "valid",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        })
    }
}

/// One thing that a person should know, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The sentence. It may quote what a node sent: escape it before it reaches a terminal or a page.
    pub sentence: String,
    /// The indices of the operations that the sentence is about, in the history's order.
    pub operations: Vec<u64>,
    /// The values that the sentence is about: an element that was lost, an id that came twice, two records of a log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<Subject>,
    /// The node that the sentence is about, where it is about what one node did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
}

/// A value that a finding is about, as messages carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The key under which it was written or sent, where there are keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// The value.
    pub value: Value,
}

impl Finding {
    /// A finding about these operations.
    pub fn new(sentence: impl Into<String>, operations: impl Into<Vec<u64>>) -> Self {
        Self { sentence: sentence.into(), operations: operations.into(), subjects: Vec::new(), node: None }
    }

    /// The same about a value too.
    #[must_use]
    pub fn about(mut self, value: &Value) -> Self {
        self.subjects.push(Subject { key: None, value: value.clone() });
        self
    }

    /// The same about these too.
    #[must_use]
    pub fn about_all(mut self, subjects: impl IntoIterator<Item = Subject>) -> Self {
        for subject in subjects {
            if !self.subjects.contains(&subject) {
                self.subjects.push(subject);
            }
        }
        self
    }

    /// The same about a node.
    #[must_use]
    pub fn of_node(mut self, node: impl Into<String>) -> Self {
        self.node = Some(node.into());
        self
    }

    /// Whether it names something whose way can be told.
    pub fn names_something(&self) -> bool {
        !self.subjects.is_empty() || !self.operations.is_empty() || self.node.is_some()
    }
}

impl Subject {
    /// A value of a key.
    pub fn entry(key: &Value, value: &Value) -> Self {
        Self { key: Some(key.clone()), value: value.clone() }
    }
}

/// A checker's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether the history is correct.
    pub validity: Validity,
    /// The results map, with upstream's keys where upstream has some; `:valid?` agrees with `validity`.
    pub results: Value,
    /// What a person should know, the most important first.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// A verdict whose results start with `:valid?` and go on with these entries.
    ///
    /// ```
    /// use glomers_check::{Validity, Verdict};
    /// let verdict = Verdict::new(Validity::Valid, [("count", 3)]);
    /// assert_eq!(verdict.results.to_string(), "{:valid? true, :count 3}");
    /// ```
    pub fn new<V: Into<Value>>(
        validity: Validity,
        entries: impl IntoIterator<Item = (&'static str, V)>,
    ) -> Self {
        let first = std::iter::once(("valid?", validity.to_value()));
        let rest = entries.into_iter().map(|(key, value)| (key, value.into()));
        Self { validity, results: Value::record(first.chain(rest)), findings: Vec::new() }
    }

    /// A verdict that says no more than whether the history is correct.
    pub fn bare(validity: Validity) -> Self {
        Self::new::<Value>(validity, [])
    }

    /// An unknown verdict with its reason, under `:error` and as a finding.
    pub fn unknown(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        let verdict = Self::new(Validity::Unknown, [("error", reason.as_str())]);
        verdict.with_finding(Finding::new(reason, []))
    }

    /// Adds a finding.
    #[must_use]
    pub fn with_finding(mut self, finding: Finding) -> Self {
        self.findings.push(finding);
        self
    }
}
