//! The lattice of consistency models as a law, and the levels against their definitions, on random histories.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/definitions.rs"]
mod definitions;
#[path = "support/random_transactions.rs"]
mod random_transactions;

use std::collections::BTreeMap;

use cases::{require, try_cases};
use definitions::{Keeps, Transactions};
use glomers_check::txn::weak::Level;
use glomers_check::txn::{ListAppend, Model, Options, RwRegister, VersionOrders};
use glomers_check::{Checker, Guarded, Operation, Validity, Verdict, WeakIsolation};
use proptest::prelude::*;
use random_transactions::{Data, Shape, history};

const WILD: Shape = Shape { max_transactions: 8, crashes: true, repeats: true };

fn checker(data: Data, model: Model) -> Box<dyn Checker> {
    let options = Options { models: vec![model], ..Options::default() };
    match data {
        Data::Lists => Box::new(ListAppend::new(options)),
        Data::Registers => Box::new(RwRegister::new(options, VersionOrders::NONE)),
    }
}

fn run(history: &[Operation], checker: Box<dyn Checker>) -> Verdict {
    let mut checker = Box::new(Guarded::new(checker));
    history.iter().for_each(|operation| checker.observe(operation));
    checker.finish()
}

fn model(name: &str) -> Model {
    name.parse().expect("a model")
}

fn written(history: &[Operation]) -> String {
    history.iter().map(|operation| format!("{operation}\n")).collect()
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![Just(Data::Lists), Just(Data::Registers)]
}

/// What is valid at a level is not invalid at a weaker one; it is unknown there only if there is no order in which the
/// transactions depend on each other.
#[test]
fn what_holds_at_a_level_holds_at_each_weaker_one() {
    let models: Vec<Model> = {
        let models = Model::names().into_iter().map(model);
        models.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    try_cases(300, (data(), any::<u64>()), |(data, seed)| {
        let history = history(data, WILD, seed);
        let verdicts: BTreeMap<Model, Verdict> =
            models.iter().map(|&model| (model, run(&history, checker(data, model)))).collect();
        for (stronger, verdict) in &verdicts {
            if verdict.validity != Validity::Valid {
                continue;
            }
            for weaker in stronger.implied() {
                let verdict = &verdicts[&weaker];
                let is_untested = verdict.results.to_string().contains(":empty-transaction-graph");
                let holds = match verdict.validity {
                    Validity::Valid => true,
                    Validity::Unknown => is_untested,
                    Validity::Invalid => false,
                };
                require(holds, || {
                    format!("{stronger} holds, but {weaker}: {}\n{}", verdict.results, written(&history))
                })?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_level_has_one_verdict_whichever_checker_is_asked() {
    try_cases(300, any::<u64>(), |seed| {
        let history = history(Data::Registers, WILD, seed);
        for level in Level::ALL {
            let model = Model::from(level);
            let by_model = run(&history, checker(Data::Registers, model));
            let by_level = run(&history, Box::new(WeakIsolation::new(level)));
            require(by_model.validity == by_level.validity, || {
                format!("{level}: {}, but {}\n{}", by_model.results, by_level.results, written(&history))
            })?;
        }
        Ok(())
    });
}

/// Each model with its definition.
type Definition = (&'static str, fn(&Transactions) -> bool);

const DEFINITIONS: [Definition; 6] = [
    ("strict-serializable", |transactions| transactions.are_serializable(Keeps::RealTime)),
    ("strong-session-serializable", |transactions| transactions.are_serializable(Keeps::Sessions)),
    ("serializable", |transactions| transactions.are_serializable(Keeps::Nothing)),
    ("strong-snapshot-isolation", |transactions| transactions.are_snapshot_isolated(Keeps::RealTime)),
    ("strong-session-snapshot-isolation", |transactions| transactions.are_snapshot_isolated(Keeps::Sessions)),
    ("snapshot-isolation", |transactions| transactions.are_snapshot_isolated(Keeps::Nothing)),
];

/// No checker refuses what an order of execution explains. How much of the rest it misses is printed: registers do not show
/// the order of their versions, and lists that nobody read have none.
#[test]
fn what_is_explained_by_an_execution_is_never_refused() {
    let shape = Shape { max_transactions: 5, ..WILD };
    let counts = std::cell::RefCell::new(BTreeMap::<(bool, &str), (u64, u64)>::new());
    try_cases(300, (data(), any::<u64>()), |(data, seed)| {
        let history = history(data, shape, seed);
        let transactions = Transactions::of(&history);
        for (name, holds) in DEFINITIONS {
            let verdict = run(&history, checker(data, model(name)));
            let holds = holds(&transactions);
            require(!holds || verdict.validity != Validity::Invalid, || {
                format!("{name} holds, but {}\n{}", verdict.results, written(&history))
            })?;
            let mut counts = counts.borrow_mut();
            let (violations, missed) = counts.entry((data == Data::Lists, name)).or_default();
            *violations += u64::from(!holds);
            *missed += u64::from(!holds && verdict.validity == Validity::Valid);
        }
        Ok(())
    });
    for ((is_list, name), (violations, missed)) in counts.into_inner() {
        let data = if is_list { "lists" } else { "registers" };
        println!("{data}, {name}: {missed} of {violations} violations missed");
    }
}
