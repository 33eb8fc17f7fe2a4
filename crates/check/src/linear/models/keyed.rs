//! Many objects of one kind, each under its key.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use rustc_hash::FxHasher;

use crate::Value;
use crate::linear::{Call, Model, Unsuitable};

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
/// assert_eq!(check(&history, Linearizability::new(Keyed::new(Log::new()))).validity, Validity::Invalid);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Keyed<M> {
    model: M,
}

impl<M> Keyed<M> {
    /// Objects of this model.
    pub fn new(model: M) -> Self {
        Self { model }
    }
}

/// The objects that differ from their initial state, by key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyedState<S>(BTreeMap<Value, Rc<S>>);

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
        let after = match state.0.get(key) {
            Some(before) => self.model.step(before, action),
            None => self.model.step(&self.model.initial(), action),
        }?;
        let mut objects = state.0.clone();
        if after == self.model.initial() {
            objects.remove(key);
        } else {
            objects.insert(key.clone(), Rc::new(after));
        }
        Some(KeyedState(objects))
    }

    fn describe_action(&self, (key, action): &Self::Action) -> String {
        format!("{} of {key}", self.model.describe_action(action))
    }

    fn is_pure(&self, (_, action): &Self::Action) -> bool {
        self.model.is_pure(action)
    }

    fn looks_ahead(&self) -> bool {
        self.model.looks_ahead()
    }

    fn rules_out(&self, state: &Self::State, (key, action): &Self::Action) -> bool {
        match state.0.get(key) {
            Some(state) => self.model.rules_out(state, action),
            None => self.model.rules_out(&self.model.initial(), action),
        }
    }

    // A write to one key leaves the others as they were, so that nothing overwrites the whole map.

    fn is_split(&self) -> bool {
        true
    }

    fn part(&self, (key, _): &Self::Action) -> Option<u64> {
        let mut hasher = FxHasher::default();
        key.hash(&mut hasher);
        Some(hasher.finish())
    }
}
