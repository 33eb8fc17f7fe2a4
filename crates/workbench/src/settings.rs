//! Options that belong to one workload or one fault: declared where they mean something, and refused everywhere else.

use std::{collections::BTreeMap, time::Duration};

use glomers_check::txn::Model;
use serde::{Deserialize, Serialize};

use crate::{nemeses, plan::Plan, workloads};

/// An option of a workload or a fault.
#[derive(Debug)]
pub struct Setting {
    /// Its name on the command line, without the dashes.
    pub name: &'static str,
    /// What it says, for `--help`.
    pub doc: &'static str,
    /// What holds without it, as one would type it.
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

impl Setting {
    /// What to put for its value in a text of help.
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
    /// What was expected instead.
    pub fn check(&self, value: &str) -> Result<(), String> {
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
        if fits { Ok(()) } else { Err(format!("expected {expected}")) }
    }
}

/// What a plan's settings are; those that are not among them have their default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Sets a setting.
    ///
    /// # Errors
    /// What was expected instead, with the setting's name.
    pub fn set(&mut self, setting: &Setting, value: &str) -> Result<(), String> {
        setting.check(value).map_err(|expected| format!("--{} {value}: {expected}", setting.name))?;
        self.0.insert(setting.name.to_owned(), value.to_owned());
        Ok(())
    }

    /// A setting as it was typed.
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

/// The setting of that name that means something to a plan.
///
/// # Errors
/// To whom it would mean something, where it means nothing to the plan's workload and faults.
pub fn find(name: &str, plan: &Plan) -> Result<&'static Setting, String> {
    let owners = owners(name);
    let owner = owners.iter().find(|owner| owner.is_in(plan)).map(|owner| owner.setting);
    owner.ok_or_else(|| means_nothing(name, &owners, plan))
}

/// Somebody to whom a setting means something.
pub(crate) struct Owner {
    kind: OwnerKind,
    pub(crate) name: &'static str,
    pub(crate) setting: &'static Setting,
}

#[derive(PartialEq, Eq)]
enum OwnerKind {
    Workload,
    Fault,
}

impl Owner {
    fn is_in(&self, plan: &Plan) -> bool {
        match self.kind {
            OwnerKind::Workload => plan.workload == self.name,
            OwnerKind::Fault => plan.nemesis.iter().any(|name| name == self.name),
        }
    }
}

/// Everybody who knows a setting of that name.
pub(crate) fn owners(name: &str) -> Vec<Owner> {
    all().into_iter().filter(|owner| owner.setting.name == name).collect()
}

/// Everybody to whom any setting means something.
pub(crate) fn all() -> Vec<Owner> {
    let of_workloads = workloads::ALL.iter().flat_map(|workload| {
        workload.settings.iter().map(|setting| Owner {
            kind: OwnerKind::Workload,
            name: workload.name,
            setting,
        })
    });
    let of_faults = nemeses::ALL.iter().flat_map(|fault| {
        fault.settings.iter().map(|setting| Owner { kind: OwnerKind::Fault, name: fault.name, setting })
    });
    of_workloads.chain(of_faults).collect()
}

fn means_nothing(name: &str, owners: &[Owner], plan: &Plan) -> String {
    let names = |kind: OwnerKind| {
        let names: Vec<&str> =
            owners.iter().filter(|owner| owner.kind == kind).map(|owner| owner.name).collect();
        names.join(", ")
    };
    let (of_workloads, of_faults) = (names(OwnerKind::Workload), names(OwnerKind::Fault));
    let meant = match (of_workloads.is_empty(), of_faults.is_empty()) {
        (true, true) => return format!("there is no option --{name}"),
        (false, _) => format!("it belongs to -w {of_workloads}, and this is -w {}", plan.workload),
        (true, false) => format!("it belongs to --nemesis {of_faults}, which is not asked for"),
    };
    format!("--{name} would do nothing: {meant}. Leave it out, or add what it belongs to.")
}

/// The parts of a list, without the blanks around them: upstream splits only at a comma with blanks on both sides.
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
        let error = settings.set(&MODELS, "read-comitted").expect_err("a misspelling");
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
