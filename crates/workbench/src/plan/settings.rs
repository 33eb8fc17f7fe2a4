//! Options of one workload or one fault: declared there, and refused everywhere else.

use std::{collections::BTreeMap, time::Duration};

use glomers_check::txn::Model;
use serde::{Deserialize, Serialize};

/// An option of a workload or a fault.
#[derive(Debug)]
pub struct Setting {
    /// Its name on the command line, without the dashes.
    pub name: &'static str,
    /// Its help.
    pub doc: &'static str,
    /// The default, as typed.
    pub default: &'static str,
    /// What it may be.
    pub kind: SettingKind,
}

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub enum SettingKind {
    /// A whole number above zero.
    Count,
    /// A number from 0 to 1.
    Fraction,
    /// A number of milliseconds, 0 or more.
    Milliseconds,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words, separated by commas.
    Words(&'static [&'static str]),
    /// Consistency models by any of their names, separated by commas.
    Models,
}

/// Why a setting can't be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// It can't have this value.
    #[error("--{name} {value}: expected {expected}")]
    Value {
        /// The setting.
        name: &'static str,
        /// The value.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// No workload and no fault has it.
    #[error("there is no option --{name}")]
    Unknown {
        /// The setting.
        name: String,
    },
    /// It belongs to other workloads.
    #[error(
        "--{name} would do nothing: it belongs to -w {workloads}, and this is -w {workload}. Leave it out, or choose that workload."
    )]
    OfWorkload {
        /// The setting.
        name: String,
        /// The workloads that have it.
        workloads: String,
        /// The plan's workload.
        workload: String,
    },
    /// It belongs to faults that the plan does not have.
    #[error("--{name} would do nothing: it belongs to --nemesis {faults}. Leave it out, or add that fault.")]
    OfFault {
        /// The setting.
        name: String,
        /// The faults that have it.
        faults: String,
    },
}

impl Setting {
    /// The name of its value in help.
    pub fn value_name(&self) -> &'static str {
        match self.kind {
            SettingKind::Count => "NUMBER",
            SettingKind::Fraction => "FRACTION",
            SettingKind::Milliseconds => "MILLISECONDS",
            SettingKind::Word(_) => "NAME",
            SettingKind::Words(_) => "NAMES",
            SettingKind::Models => "MODELS",
        }
    }

    /// Whether this may be its value.
    ///
    /// # Errors
    /// [`SettingError::Value`], with what was expected instead.
    pub fn check(&self, value: &str) -> Result<(), SettingError> {
        let is_number = |range: std::ops::RangeInclusive<f64>| {
            value.parse::<f64>().is_ok_and(|number| range.contains(&number))
        };
        let (fits, expected) = match self.kind {
            SettingKind::Count => {
                (value.parse::<u32>().is_ok_and(|count| count > 0), "a whole number above 0".to_owned())
            }
            SettingKind::Fraction => (is_number(0.0..=1.0), "a number from 0 to 1".to_owned()),
            SettingKind::Milliseconds => {
                (is_number(0.0..=86_400_000.0), "a number of milliseconds, at most a day".to_owned())
            }
            SettingKind::Word(words) => (words.contains(&value), format!("one of {}", words.join(", "))),
            SettingKind::Words(words) => (
                items(value).next().is_some() && items(value).all(|item| words.contains(&item)),
                format!("some of {}", words.join(", ")),
            ),
            SettingKind::Models => {
                (items(value).all(|item| item.parse::<Model>().is_ok()), format!("some of {}", model_names()))
            }
        };
        if fits {
            Ok(())
        } else {
            Err(SettingError::Value { name: self.name, value: value.to_owned(), expected })
        }
    }
}

/// A plan's settings. All others have their defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Sets a setting.
    ///
    /// # Errors
    /// [`SettingError::Value`]; then nothing changes.
    pub fn set(&mut self, setting: &Setting, value: &str) -> Result<(), SettingError> {
        setting.check(value)?;
        self.0.insert(setting.name.to_owned(), value.to_owned());
        Ok(())
    }

    /// The names of those that were set.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The same without those whose name is to be left out.
    pub(crate) fn without(mut self, is_left_out: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|name, _| !is_left_out(name));
        self
    }

    /// Those that were set, by name, as they were typed.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A setting as typed.
    pub fn text<'a>(&'a self, setting: &Setting) -> &'a str {
        self.0.get(setting.name).map_or(setting.default, String::as_str)
    }

    /// A [`SettingKind::Count`].
    pub fn count(&self, setting: &Setting) -> usize {
        self.text(setting).parse().expect("a count was checked when it was set")
    }

    /// A [`SettingKind::Fraction`].
    pub fn fraction(&self, setting: &Setting) -> f64 {
        self.text(setting).parse().expect("a fraction was checked when it was set")
    }

    /// A [`SettingKind::Milliseconds`].
    pub fn duration(&self, setting: &Setting) -> Duration {
        let milliseconds: f64 = self.text(setting).parse().expect("a duration was checked when it was set");
        Duration::from_secs_f64(milliseconds / 1e3)
    }

    /// The [`SettingKind::Words`].
    pub fn words<'a>(&'a self, setting: &Setting) -> Vec<&'a str> {
        items(self.text(setting)).collect()
    }

    /// The [`SettingKind::Models`].
    pub fn models(&self, setting: &Setting) -> Vec<Model> {
        items(self.text(setting)).filter_map(|item| item.parse().ok()).collect()
    }
}

/// The parts of a list, without the blanks around them. (Maelstrom splits only at a comma with blanks on both sides.)
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn model_names() -> String {
    Model::names().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODELS: Setting = Setting {
        name: "consistency-models",
        doc: "",
        default: "strict-serializable",
        kind: SettingKind::Models,
    };
    const COUNT: Setting = Setting { name: "key-count", doc: "", default: "10", kind: SettingKind::Count };

    #[test]
    fn models_are_split_at_every_comma() {
        let mut settings = Settings::default();
        assert_eq!(settings.models(&MODELS).len(), 1);
        settings.set(&MODELS, "read-committed,serializable , causal").expect("all are models");
        assert_eq!(settings.models(&MODELS).len(), 3);
        let error = settings.set(&MODELS, "read-comitted").expect_err("a misspelling").to_string();
        assert!(
            error.contains("--consistency-models read-comitted") && error.contains("read-committed"),
            "{error}"
        );
    }

    #[test]
    fn of_some_words_there_is_at_least_one() {
        const NODES: Setting =
            Setting { name: "nodes", doc: "", default: "one", kind: SettingKind::Words(&["one", "all"]) };
        assert_eq!(NODES.check("all, one"), Ok(()));
        for wrong in ["", ",", "none", "one,none"] {
            assert!(NODES.check(wrong).is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_changes() {
        let mut settings = Settings::default();
        for wrong in ["0", "-1", "ten", "1.5", ""] {
            assert!(settings.set(&COUNT, wrong).is_err(), "{wrong:?} was accepted");
        }
        assert_eq!(settings.count(&COUNT), 10);
    }
}
