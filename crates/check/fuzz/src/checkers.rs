//! Every checker, each with limits that end any search on a small history in time.

use glomers_check::{
    Availability, AvailabilityGoal, Bank, Checker, Comments, Counter, Echo, Exceptions, Kafka, LongFork, Mode,
    PnCounter, SetFull, Stats, TotalQueue, UniqueIds, UnorderedQueue, Value, WeakIsolation,
    linear::{
        Budget, Linearizability, Model as Object,
        models::{Keyed, Log, MultiRegister, Mutex, Queue, Register, Set},
    },
    txn::{ListAppend, Model, Options, RwRegister, VersionOrders, weak::Level},
};

/// So many steps take well below a second.
const STEPS: u64 = 100_000;

/// All checkers, in every mode that they have.
pub fn all() -> Vec<Box<dyn Checker>> {
    let mut checkers: Vec<Box<dyn Checker>> = vec![
        Box::<Stats>::default(),
        Box::<Exceptions>::default(),
        Box::new(Availability::new(AvailabilityGoal::Fraction(0.5))),
    ];
    for mode in [Mode::Strict, Mode::Compat] {
        checkers.push(Box::new(Echo::new(mode)));
        checkers.push(Box::new(Kafka::new(mode)));
        checkers.push(Box::new(PnCounter::new(mode)));
        checkers.push(Box::new(SetFull::new(mode)));
        checkers.push(Box::new(SetFull::new(mode).adding_with("broadcast")));
        checkers.push(Box::new(UniqueIds::new(mode)));
        checkers.push(Box::new(Counter::new(mode)));
        checkers.push(Box::new(Bank::new(mode)));
        checkers.push(Box::new(LongFork::new(mode)));
        checkers.push(Box::new(Comments::new(mode)));
        checkers.push(Box::new(UnorderedQueue::new(mode)));
        checkers.push(Box::new(TotalQueue::new(mode)));
        add_linear(&mut checkers, &Register::new(Value::from(0), mode));
        for model in ["strict-serializable", "snapshot-isolation", "read-committed", "causal"] {
            let models: Vec<Model> = model.parse().into_iter().collect();
            let options = Options { mode, models, ..Options::default() };
            checkers.push(Box::new(ListAppend::new(options.clone())));
            let orders =
                VersionOrders { sequential_keys: true, linearizable_keys: true, ..VersionOrders::default() };
            checkers.push(Box::new(RwRegister::new(options.clone(), orders)));
            checkers
                .push(Box::new(RwRegister::new(options, VersionOrders::default()).as_maelstrom_reports()));
        }
    }
    add_linear(&mut checkers, &Mutex);
    add_linear(&mut checkers, &Set);
    add_linear(&mut checkers, &Queue);
    add_linear(&mut checkers, &Log);
    add_linear(&mut checkers, &MultiRegister::default());
    checkers.extend(Level::ALL.map(|level| Box::new(WeakIsolation::new(level)) as Box<dyn Checker>));
    checkers
}

/// An object by itself, by the key in each value, and by the key beside it.
fn add_linear<M: Object + 'static>(checkers: &mut Vec<Box<dyn Checker>>, model: &M) {
    checkers.push(Box::new(Linearizability::new(model.clone()).with_budget(Budget::default().with_steps(STEPS))));
    checkers.push(Box::new(Linearizability::new(model.clone()).by_key().with_budget(Budget::default().with_steps(STEPS))));
    checkers.push(Box::new(Linearizability::new(Keyed::new(model.clone())).with_budget(Budget::default().with_steps(STEPS))));
}
