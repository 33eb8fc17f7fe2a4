//! What to check a history for: what the question or the run says, or what its operations look like.

use glomers_check::{
    Availability, Checker, Exceptions, Stats,
    registry::{self, CheckOptions, Entry, Keys},
};
use glomers_workbench::workloads::{self, Definition};

use super::{Question, Watch, recognition::Recognition, source::Told};

/// The checkers for a history, and why these.
pub(super) struct Choice {
    pub(super) checked_as: String,
    pub(super) reason: String,
    /// Those that look at any workload, by their key in the results.
    pub(super) general: Vec<(&'static str, Box<dyn Checker>)>,
    pub(super) checker: Box<dyn Checker>,
    /// Whether that one can't decide an incomplete history.
    pub(super) needs_the_end: bool,
    /// The guess from the beginning of the history.
    pub(super) guess: Guess,
}

/// What a choice guessed from the beginning of a history, which the rest of it may contradict.
#[derive(Debug, Default)]
pub(super) struct Guess {
    checker: Option<&'static str>,
    keys: Option<Keys>,
}

impl Guess {
    /// Why the guess was wrong, now that all of the history has been seen.
    ///
    /// # Errors
    /// A sentence that says what the history turned out to be.
    pub(super) fn confirm(&self, all: &Recognition) -> Result<(), String> {
        if let Some(guessed) = self.checker {
            let found = all.kind().map(|kind| kind.checker);
            if found.as_ref() != Ok(&guessed) {
                let found =
                    found.map_or_else(|reason| reason, |found| format!("The whole history is {found}."));
                return Err(format!(
                    "Its first operations look like {guessed}, but later ones do not. {found} Choose with --checker."
                ));
            }
        }
        match self.keys {
            Some(guessed) if guessed != all.keys() => Err(
                "Its first operations name their keys in another way than later ones. Split it, or give the key of every operation in \
                 the same way: in its value, [key value], or under :key."
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }
}

/// Chooses by the question first, then by the history's directory, then by its first operations.
///
/// # Errors
/// A sentence that says what the operations could be, and how to say which.
pub(super) fn choose(
    question: &Question,
    told: &Told,
    beginning: &Recognition,
    watch: &Watch,
) -> Result<Choice, String> {
    if let Some(name) = &question.checker {
        let entry = registry::find(name).ok_or_else(|| format!("There is no checker named {name:?}."))?;
        return single(entry, None, beginning, question, told, "--checker says so", watch);
    }
    if let Some(name) = &question.workload {
        let workload =
            workloads::find(name).ok_or_else(|| format!("There is no workload named {name:?}."))?;
        return workload_choice(workload, "--workload says so", question, told, watch);
    }
    if let Some((name, who)) = &told.workload
        && let Some(workload) = workloads::find(name)
    {
        return workload_choice(workload, who, question, told, watch);
    }
    let kind = beginning.kind()?;
    let entry = registry::find(kind.checker)
        .ok_or_else(|| format!("There is no checker named {:?}.", kind.checker))?;
    single(entry, Some(kind.checker), beginning, question, told, &kind.reason, watch)
}

/// A single checker.
fn single(
    entry: &Entry,
    guessed: Option<&'static str>,
    beginning: &Recognition,
    question: &Question,
    told: &Told,
    reason: &str,
    watch: &Watch,
) -> Result<Choice, String> {
    require_use_of_options(entry, question)?;
    let keys = if entry.takes_keys { beginning.keys() } else { Keys::None };
    Ok(Choice {
        guess: Guess { checker: guessed, keys: entry.takes_keys.then_some(keys) },
        checked_as: name_with(entry, keys, question, told),
        reason: reason.to_owned(),
        general: Vec::new(),
        checker: Box::new(entry.build(&options(keys, false, question, told, watch))),
        needs_the_end: entry.needs_the_end,
    })
}

/// Refuses options that would have no effect.
fn require_use_of_options(entry: &Entry, question: &Question) -> Result<(), String> {
    let options = [
        ("--consistency-models", !question.models.is_empty() && !entry.takes_models),
        ("--version-orders", question.version_orders.is_some() && !entry.takes_version_orders),
        ("--initial", question.initial.is_some() && !entry.takes_initial),
    ];
    match options.iter().find(|(_, is_useless)| *is_useless) {
        None => Ok(()),
        Some((option, _)) => Err(format!(
            "It would be checked as {}, on which {option} has no effect. Leave the option out, or choose another --checker.",
            entry.name
        )),
    }
}

/// What a run of a workload is checked for: its own checker, and those that look at any.
fn workload_choice(
    workload: &Definition,
    who: &str,
    question: &Question,
    told: &Told,
    watch: &Watch,
) -> Result<Choice, String> {
    let entry = workload.checker();
    require_use_of_options(entry, question)?;
    let checker = Box::new(entry.build(&options(workload.keys, true, question, told, watch)));
    let checked_as = format!("{} ({})", workload.name, name_with(entry, workload.keys, question, told));
    let mut general: Vec<(&'static str, Box<dyn Checker>)> =
        vec![("exceptions", Box::<Exceptions>::default()), ("stats", Box::<Stats>::default())];
    if let Some(goal) = told.availability {
        general.push(("availability", Box::new(Availability::new(goal))));
    }
    Ok(Choice {
        guess: Guess::default(),
        checked_as,
        reason: who.to_owned(),
        general,
        checker,
        needs_the_end: entry.needs_the_end,
    })
}

fn options(keys: Keys, is_workload: bool, question: &Question, told: &Told, watch: &Watch) -> CheckOptions {
    CheckOptions {
        mode: question.mode,
        keys,
        initial: question.initial.clone().unwrap_or_default(),
        models: models(question, told).to_vec(),
        version_orders: question.version_orders.clone(),
        is_workload,
        interrupt: watch.interrupt().clone(),
    }
}

fn models<'a>(question: &'a Question, told: &'a Told) -> &'a [glomers_check::txn::Model] {
    if question.models.is_empty() { &told.models } else { &question.models }
}

fn name_with(entry: &Entry, keys: Keys, question: &Question, told: &Told) -> String {
    let mut name = entry.name.to_owned();
    if keys != Keys::None {
        name.push_str(" of each key");
    }
    if entry.takes_models {
        let names: Vec<&str> = models(question, told).iter().map(|model| model.name()).collect();
        let promised = if names.is_empty() { "strict-serializable".to_owned() } else { names.join(", ") };
        name.push_str(&format!(", {promised}"));
    }
    name
}
