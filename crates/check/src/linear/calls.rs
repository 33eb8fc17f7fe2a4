//! Linearizability of calls in the caller's own types, without histories and values.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};
use std::hash::Hash;
use std::ops::RangeInclusive;

use super::budget::{Allowance, Budget};
use super::counterexample::{Counterexample, Described};
use super::finish::outcomes;
use super::lag::{Span, Ticket};
use super::object::Object;
use super::search::Outcome;
use super::{Call, Effect, Model, Unsuitable};
use crate::{Process, Validity};

/// A sequential object in types of its own: what it is, what it is asked, and what it answers.
///
/// A counter that is increased by one and says its new value:
///
/// ```
/// use glomers_check::linear::{Calls, Specification};
/// #[derive(Clone, Debug)]
/// struct Counter;
/// impl Specification for Counter {
///     type State = u64;
///     type Input = ();
///     type Output = u64;
///     fn initial(&self) -> u64 { 0 }
///     fn step(&self, state: &u64, _: &(), output: Option<&u64>) -> Option<u64> {
///         output.is_none_or(|seen| *seen == state + 1).then_some(state + 1)
///     }
/// }
/// let mut calls = Calls::new(Counter);
/// calls.interval(1, (), 2, 0..=10)?;
/// calls.interval(2, (), 1, 5..=20)?;
/// assert!(calls.decide().is_linearizable());
/// # Ok::<(), glomers_check::linear::Misuse>(())
/// ```
pub trait Specification: Clone + Debug + Send {
    /// What the object is at one moment.
    type State: Clone + Debug + Eq + Hash + Send;

    /// What a call asks for.
    type Input: Clone + Debug + Eq + Hash + Send + 'static;

    /// What a call returns.
    type Output: Clone + Debug + Eq + Hash + Send + 'static;

    /// The state before the first call.
    fn initial(&self) -> Self::State;

    /// The state after a call, or none if it cannot return this output in this state. Without an output, the call has
    /// an effect and nobody learned what it returned.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Option<Self::State>;

    /// What such a call does to a state: a hint, as [`Model::effect`] is.
    fn effect(&self, _input: &Self::Input, _output: Option<&Self::Output>) -> Effect {
        Effect::Changes
    }
}

/// Calls of clients on one object, or on one for each key, as they begin and end.
///
/// A register under each key:
///
/// ```
/// use glomers_check::linear::{Calls, Specification};
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// enum Input { Get, Put(u32) }
/// #[derive(Clone, Debug)]
/// struct Register;
/// impl Specification for Register {
///     type State = Option<u32>;
///     type Input = Input;
///     type Output = Option<u32>;
///     fn initial(&self) -> Option<u32> { None }
///     fn step(&self, state: &Option<u32>, input: &Input, output: Option<&Option<u32>>) -> Option<Option<u32>> {
///         match input {
///             Input::Put(value) => Some(Some(*value)),
///             Input::Get => output.is_none_or(|seen| seen == state).then_some(*state),
///         }
///     }
/// }
/// let mut calls = Calls::by_key(Register);
/// calls.begin_on("x", 1, Input::Put(7))?;
/// calls.ok(1, None)?;
/// calls.begin_on("x", 2, Input::Get)?;
/// calls.ok(2, None)?;
/// let verdict = calls.decide();
/// assert_eq!(verdict.violation().unwrap().call.input, Input::Get);
/// # Ok::<(), glomers_check::linear::Misuse>(())
/// ```
#[derive(Debug)]
pub struct Calls<S: Specification, K: Ord = ()> {
    specification: S,
    budget: Budget,
    threads: usize,
    open: BTreeMap<u64, Open<K, S::Input>>,
    calls: Vec<Recorded<K, S>>,
    now: u64,
}

/// What went wrong in telling what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// The client has a call open, and does one at a time.
    #[error("client {0} begins a call while another one of its calls is open")]
    AlreadyOpen(u64),
    /// The client has no call open.
    #[error("client {0} ends a call, but has none open")]
    NotOpen(u64),
    /// The interval ends before it begins.
    #[error("a call of client {0} ends before it begins")]
    Backwards(u64),
}

#[derive(Debug)]
struct Open<K, I> {
    key: K,
    input: I,
    begin: u64,
}

#[derive(Clone, Debug)]
struct Recorded<K, S: Specification> {
    key: K,
    client: u64,
    input: S::Input,
    output: Option<S::Output>,
    begin: u64,
    end: Option<u64>,
}

impl<S: Specification> Calls<S> {
    /// Calls on one object.
    pub fn new(specification: S) -> Self {
        Self::by_key(specification)
    }

    /// A call begins.
    ///
    /// # Errors
    /// The client has a call open.
    pub fn begin(&mut self, client: u64, input: S::Input) -> Result<(), Misuse> {
        self.begin_on((), client, input)
    }

    /// A whole call, for histories that know when each began and ended on one clock. A call that begins at the time at
    /// which another ends overlaps it. Use either this or [`Calls::begin`], since the latter has a clock of its own.
    ///
    /// # Errors
    /// The interval ends before it begins.
    pub fn interval(
        &mut self,
        client: u64,
        input: S::Input,
        output: S::Output,
        time: RangeInclusive<u64>,
    ) -> Result<(), Misuse> {
        self.interval_on((), client, input, output, time)
    }
}

impl<S: Specification, K: Ord + Clone> Calls<S, K> {
    /// Calls on one object for each key, each decided by itself.
    pub fn by_key(specification: S) -> Self {
        let (budget, open) = (Budget::default(), BTreeMap::new());
        Self { specification, budget, threads: 0, open, calls: Vec::new(), now: 0 }
    }

    /// Sets the limits of all searches together.
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// A call on the object of this key begins.
    ///
    /// # Errors
    /// The client has a call open.
    pub fn begin_on(&mut self, key: K, client: u64, input: S::Input) -> Result<(), Misuse> {
        if self.open.contains_key(&client) {
            return Err(Misuse::AlreadyOpen(client));
        }
        self.now += 1;
        self.open.insert(client, Open { key, input, begin: self.now });
        Ok(())
    }

    /// The client's call returned this.
    ///
    /// # Errors
    /// The client has no call open.
    pub fn ok(&mut self, client: u64, output: S::Output) -> Result<(), Misuse> {
        self.now += 1;
        let Open { key, input, begin } = self.take(client)?;
        let end = Some(self.now);
        self.calls.push(Recorded { key, client, input, output: Some(output), begin, end });
        Ok(())
    }

    /// The client's call had no effect, and never will.
    ///
    /// # Errors
    /// The client has no call open.
    pub fn fail(&mut self, client: u64) -> Result<(), Misuse> {
        self.take(client).map(drop)
    }

    /// The outcome of the client's call is unknown: it may take effect at any later time, or never. So it is with all calls
    /// that are open in the end.
    ///
    /// # Errors
    /// The client has no call open.
    pub fn info(&mut self, client: u64) -> Result<(), Misuse> {
        let Open { key, input, begin } = self.take(client)?;
        self.calls.push(Recorded { key, client, input, output: None, begin, end: None });
        Ok(())
    }

    /// A whole call on the object of this key: see [`Calls::interval`].
    ///
    /// # Errors
    /// The interval ends before it begins.
    pub fn interval_on(
        &mut self,
        key: K,
        client: u64,
        input: S::Input,
        output: S::Output,
        time: RangeInclusive<u64>,
    ) -> Result<(), Misuse> {
        let (begin, end) = (*time.start(), Some(*time.end()));
        if time.is_empty() {
            return Err(Misuse::Backwards(client));
        }
        self.calls.push(Recorded { key, client, input, output: Some(output), begin, end });
        Ok(())
    }

    /// Decides whether the calls fit one order.
    pub fn decide(mut self) -> Linearized<S> {
        let open = std::mem::take(&mut self.open);
        self.calls.extend(open.into_iter().map(|(client, Open { key, input, begin })| Recorded {
            key,
            client,
            input,
            output: None,
            begin,
            end: None,
        }));
        // Begins before ends at the same time, so that calls that touch overlap.
        let mut events: Vec<(u64, bool, usize)> = Vec::new();
        for (number, call) in self.calls.iter().enumerate() {
            events.push((call.begin, false, number));
            events.extend(call.end.map(|end| (end, true, number)));
        }
        events.sort_unstable();
        let allowance = Allowance::new(self.budget);
        let mut objects: BTreeMap<&K, Object<Typed<S>>> = BTreeMap::new();
        let mut tickets: Vec<Ticket> = vec![0; self.calls.len()];
        for (_, is_end, number) in events {
            let call = &self.calls[number];
            let object = objects.entry(&call.key).or_insert_with(|| {
                Object::new(Typed(self.specification.clone()), allowance.clone(), crate::Interrupt::default())
            });
            let index = number as u64;
            let span = Span {
                process: Process::Client(call.client),
                begin_index: index,
                end_index: call.end.map(|_| index),
            };
            let action = || (call.input.clone(), call.output.clone());
            if is_end {
                object.end(tickets[number], action(), span);
                continue;
            }
            tickets[number] = object.begin();
            if call.end.is_none() {
                object.crash(tickets[number], action(), span);
            }
        }
        let mut reason = None;
        for outcome in outcomes(objects.into_values().collect(), &allowance, self.threads) {
            match outcome {
                Outcome::Linearizable => {}
                Outcome::Violated(counterexample) => {
                    let violation = counterexample.map(|found| self.violation(*found));
                    return Linearized::Violated(violation.map(Box::new));
                }
                Outcome::GaveUp(sentence) => reason = reason.or(Some(sentence)),
            }
        }
        reason.map_or(Linearized::Linearizable, Linearized::Unknown)
    }

    fn take(&mut self, client: u64) -> Result<Open<K, S::Input>, Misuse> {
        self.open.remove(&client).ok_or(Misuse::NotOpen(client))
    }

    fn violation(&self, found: Counterexample<Typed<S>>) -> Violation<S> {
        let call = |described: Described<_>| {
            let index = usize::try_from(described.span.begin_index).expect("a call's number");
            let Recorded { client, ref input, ref output, .. } = self.calls[index];
            TypedCall { client, input: input.clone(), output: output.clone() }
        };
        Violation {
            call: call(found.operation),
            ended_before: found.prefix,
            order: found.order.into_iter().map(|(described, state)| (call(described), state.0)).collect(),
        }
    }
}

/// Whether calls fit one order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Linearized<S: Specification> {
    /// They do.
    Linearizable,
    /// They do not, and this is where it ends, unless that was not found within the budget.
    Violated(Option<Box<Violation<S>>>),
    /// The search gave up, for this reason.
    Unknown(String),
}

impl<S: Specification> Linearized<S> {
    /// Whether they do for certain.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Self::Linearizable)
    }

    /// Where it ends, if no order fits and that was found.
    pub fn violation(&self) -> Option<&Violation<S>> {
        match self {
            Self::Violated(violation) => violation.as_deref(),
            Self::Linearizable | Self::Unknown(_) => None,
        }
    }

    /// The same as a verdict's validity.
    pub fn validity(&self) -> Validity {
        match self {
            Self::Linearizable => Validity::Valid,
            Self::Violated(_) => Validity::Invalid,
            Self::Unknown(_) => Validity::Unknown,
        }
    }
}

/// A call that fits in no order, and an order of those before it that does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Violation<S: Specification> {
    /// The first call whose end fits no order.
    pub call: TypedCall<S>,
    /// How many calls on the same object had ended before.
    pub ended_before: u64,
    /// The end of an order of these that fits, if one was found: calls, each with the state after it.
    pub order: Vec<(TypedCall<S>, S::State)>,
}

/// A call, as it was told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TypedCall<S: Specification> {
    /// Who made it.
    pub client: u64,
    /// What it asked for.
    pub input: S::Input,
    /// What it returned, if that is known.
    pub output: Option<S::Output>,
}

/// A specification as a model.
#[derive(Clone, Debug)]
struct Typed<S>(S);

/// A state that is shown as it is debugged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shown<T>(T);

impl<T: Debug> Display for Shown<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<S: Specification> Model for Typed<S> {
    type State = Shown<S::State>;
    type Action = (S::Input, Option<S::Output>);

    fn initial(&self) -> Self::State {
        Shown(self.0.initial())
    }

    fn action(&self, call: &Call<'_>) -> Result<Option<Self::Action>, Unsuitable> {
        Err(Unsuitable::new(call.begin(), "typed calls have no entries"))
    }

    fn step(&self, state: &Self::State, (input, output): &Self::Action) -> Option<Self::State> {
        self.0.step(&state.0, input, output.as_ref()).map(Shown)
    }

    fn describe_action(&self, (input, output): &Self::Action) -> String {
        format!("{input:?} -> {output:?}")
    }

    fn effect(&self, (input, output): &Self::Action) -> Effect {
        self.0.effect(input, output.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug)]
    struct Counter;

    impl Specification for Counter {
        type State = u64;
        type Input = ();
        type Output = u64;

        fn initial(&self) -> u64 {
            0
        }

        fn step(&self, state: &u64, (): &(), output: Option<&u64>) -> Option<u64> {
            output.is_none_or(|seen| *seen == state + 1).then_some(state + 1)
        }
    }

    #[test]
    fn clients_do_one_call_at_a_time() {
        let mut calls = Calls::new(Counter);
        assert_eq!(calls.ok(1, 1), Err(Misuse::NotOpen(1)));
        calls.begin(1, ()).unwrap();
        assert_eq!(calls.begin(1, ()), Err(Misuse::AlreadyOpen(1)));
        #[expect(clippy::reversed_empty_ranges, reason = "it is refused")]
        let backwards = 5..=4;
        assert_eq!(calls.interval(2, (), 1, backwards), Err(Misuse::Backwards(2)));
    }

    #[test]
    fn what_failed_has_no_effect_and_what_is_open_may_have_one() {
        let ends = |end: fn(&mut Calls<Counter>)| {
            let mut calls = Calls::new(Counter);
            calls.begin(1, ()).unwrap();
            end(&mut calls);
            calls.begin(2, ()).unwrap();
            calls.ok(2, 2).unwrap();
            calls.decide()
        };
        assert_eq!(ends(|calls| calls.fail(1).unwrap()).validity(), Validity::Invalid);
        assert!(ends(|calls| calls.info(1).unwrap()).is_linearizable());
        assert!(ends(|_| ()).is_linearizable());
    }

    #[test]
    fn a_violation_names_the_call_and_an_order_before_it() {
        let mut calls = Calls::new(Counter);
        calls.interval(1, (), 1, 0..=1).unwrap();
        calls.interval(2, (), 3, 2..=3).unwrap();
        let verdict = calls.decide();
        let violation = verdict.violation().unwrap();
        assert_eq!((violation.call.client, violation.call.output, violation.ended_before), (2, Some(3), 1));
        assert_eq!(violation.order.iter().map(|(_, state)| *state).collect::<Vec<_>>(), [1]);
        // They touch, and so overlap.
        let mut calls = Calls::new(Counter);
        calls.interval(1, (), 2, 0..=5).unwrap();
        calls.interval(2, (), 1, 5..=6).unwrap();
        assert!(calls.decide().is_linearizable());
    }
}
