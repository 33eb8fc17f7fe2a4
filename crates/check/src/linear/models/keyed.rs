//! Many objects of one kind, each under its key.

mod monitor;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use self::monitor::KeyedMonitor;
use crate::Value;
use crate::linear::{Call, Effect, Model, Monitor, Unsuitable};

/// A map of objects. An operation names its key under `:key`, besides its value.
///
/// Where operations carry their key as the first item of their value,
/// [`Linearizability::by_key`](crate::linear::Linearizability::by_key) is simpler, and faster.
///
/// ```
/// use glomers_check::linear::{Linearizability, models::{Keyed, Log}};
/// use glomers_check::{History, Validity, check};
/// let history = History::from_edn(
///     r#"{:type :invoke, :process 0, :f :append, :key "x", :value "a"}
///        {:type :ok,     :process 0, :f :append, :key "x", :value "a"}
///        {:type :invoke, :process 0, :f :get, :key "y", :value nil}
///        {:type :ok,     :process 0, :f :get, :key "y", :value "a"}"#,
/// )?;
/// assert_eq!(check(&history, Linearizability::new(Keyed::new(Log))).validity, Validity::Invalid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Keyed<M> {
    model: M,
    /// The keys seen so far, each with its number: a hash of the key could be that of another key too.
    numbers: Arc<Mutex<FxHashMap<Value, u64>>>,
}

impl<M> Keyed<M> {
    /// Objects of this model.
    pub fn new(model: M) -> Self {
        Self { model, numbers: Arc::default() }
    }
}

/// The objects that differ from their initial state, by key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyedState<S>(BTreeMap<Value, S>);

impl<S: fmt::Display> fmt::Display for KeyedState<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        for (index, (key, state)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(formatter, "{comma}{key} {state}")?;
        }
        formatter.write_str("}")
    }
}

impl<M: Model> Model for Keyed<M> {
    type State = KeyedState<M::State>;
    type Action = (Value, M::Action);

    fn initial(&self) -> Self::State {
        KeyedState(BTreeMap::new())
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<Self::Action>, Unsuitable> {
        let key = call.begin().get("key").ok_or_else(|| Unsuitable::new(call.begin(), "it has no :key"))?;
        Ok(self.model.action(call)?.map(|action| (key.clone(), action)))
    }

    fn step(&self, state: &Self::State, (key, action): &Self::Action) -> Option<Self::State> {
        let initial = self.model.initial();
        let after = self.model.step(state.0.get(key).unwrap_or(&initial), action)?;
        let others = state.0.iter().filter(|(other, _)| *other != key);
        let mut objects: BTreeMap<_, _> = others.map(|(key, object)| (key.clone(), object.clone())).collect();
        if after != initial {
            objects.insert(key.clone(), after);
        }
        Some(KeyedState(objects))
    }

    fn describe_action(&self, (key, action): &Self::Action) -> String {
        format!("{} of {key}", self.model.describe_action(action))
    }

    fn effect(&self, (_, action): &Self::Action) -> Effect {
        self.model.effect(action)
    }

    fn component(&self, (key, _): &Self::Action) -> Option<u64> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&number) = numbers.get(key) {
            return Some(number);
        }
        let number = numbers.len() as u64;
        numbers.insert(key.clone(), number);
        Some(number)
    }

    fn decomposes(&self) -> bool {
        true
    }

    fn state_bytes(&self, state: &Self::State) -> usize {
        let objects = state.0.values();
        objects.map(|object| size_of::<Value>() + self.model.state_bytes(object)).sum()
    }

    fn monitor(&self) -> Option<Box<dyn Monitor<Self::Action>>> {
        Some(Box::new(KeyedMonitor::new(self.model.monitor()?)))
    }
}
