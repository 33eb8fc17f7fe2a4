//! A test of what a model promises.

use super::monitor::Timed;
use super::{Effect, Model};

/// How many actions in a row are tried on a monitor, and how many are tried at all.
const SEQUENCE: usize = 3;
const SEQUENCES: usize = 20_000;

/// Checks that a model's hints are true of these actions, in these states and in those that the actions lead to from
/// the initial one. For the tests of whoever writes a [`Model`]: a hint that is not true makes verdicts wrong.
///
/// ```
/// use glomers_check::linear::{assert_hints, models::{Register, RegisterAction}};
/// use glomers_check::{Mode, Value};
/// let values = [Value::Nil, Value::from(1), Value::from(2)];
/// let actions: Vec<_> = values.iter().cloned().map(RegisterAction::Write).collect();
/// assert_hints(&Register::new(Value::Nil, Mode::Strict), &values, &actions);
/// ```
///
/// # Panics
/// A hint is not true. The text says which, and shows a state and an action that refute it.
pub fn assert_hints<M: Model>(model: &M, states: &[M::State], actions: &[M::Action]) {
    let components: Vec<Option<u64>> = actions.iter().map(|action| model.component(action)).collect();
    if model.decomposes() {
        let whole = actions.iter().zip(&components).find(|(_, component)| component.is_none());
        assert!(
            whole.is_none(),
            "{model:?} decomposes, but {:?} concerns no component",
            whole.map(|(action, _)| action)
        );
        let mut distinct = components.clone();
        distinct.sort_unstable();
        distinct.dedup();
        for component in distinct {
            let of_one: Vec<M::Action> = actions
                .iter()
                .zip(&components)
                .filter(|(_, other)| **other == component)
                .map(|(action, _)| action.clone())
                .collect();
            assert_effects(model, &reachable(model, &[], &of_one), &of_one);
            assert_monitor(model, &of_one);
        }
    } else {
        assert_effects(model, &reachable(model, states, actions), actions);
        assert_monitor(model, actions);
    }
    assert_components(model, &reachable(model, states, actions), actions, &components);
}

/// These states, the initial one, and those to which two actions lead from there.
fn reachable<M: Model>(model: &M, states: &[M::State], actions: &[M::Action]) -> Vec<M::State> {
    let mut all = vec![model.initial()];
    let mut from = 0;
    for _ in 0..2 {
        let known = all.len();
        for place in from..known {
            for action in actions {
                let after = model.step(&all[place], action);
                all.extend(after.filter(|after| !all.contains(after)));
            }
        }
        from = known;
    }
    all.extend(states.iter().cloned());
    all
}

fn assert_effects<M: Model>(model: &M, states: &[M::State], actions: &[M::Action]) {
    for action in actions {
        let effect = model.effect(action);
        let mut only: Option<M::State> = None;
        for state in states {
            let after = model.step(state, action);
            let refuted = match effect {
                Effect::Changes => false,
                Effect::Reads => after.as_ref().is_some_and(|after| after != state),
                Effect::Overwrites | Effect::Sets => {
                    let differs =
                        after.as_ref().zip(only.as_ref()).is_some_and(|(after, only)| after != only);
                    differs || (effect == Effect::Overwrites && after.is_none())
                }
            };
            assert!(
                !refuted,
                "{action:?} is said to be {effect:?}, but leads from {state:?} to {after:?}, and elsewhere to {only:?}"
            );
            only = only.or(after);
        }
    }
}

/// Actions on different components neither enable nor prevent each other, and may come in either order.
fn assert_components<M: Model>(
    model: &M,
    states: &[M::State],
    actions: &[M::Action],
    components: &[Option<u64>],
) {
    for (first, first_component) in actions.iter().zip(components) {
        for (second, second_component) in actions.iter().zip(components) {
            if first_component.is_none() || second_component.is_none() || first_component == second_component
            {
                continue;
            }
            for state in states {
                let Some(after) = model.step(state, first) else { continue };
                let in_order = model.step(&after, second);
                let alone = model.step(state, second);
                let swapped = alone.as_ref().and_then(|alone| model.step(alone, first));
                assert!(
                    alone.is_some() == in_order.is_some() && (alone.is_none() || swapped == in_order),
                    "{first:?} and {second:?} are said to concern different components, but after {state:?} their order matters"
                );
            }
        }
    }
}

/// One action after the other, the monitor says what the steps say.
fn assert_monitor<M: Model>(model: &M, actions: &[M::Action]) {
    let mut sequences: Vec<Vec<&M::Action>> = vec![Vec::new()];
    let mut from = 0;
    for _ in 0..SEQUENCE {
        let known = sequences.len();
        for place in from..known {
            for action in actions {
                if sequences.len() < SEQUENCES {
                    let longer = sequences[place].iter().copied().chain([action]).collect();
                    sequences.push(longer);
                }
            }
        }
        from = known;
    }
    for sequence in sequences {
        let Some(mut monitor) = model.monitor() else { return };
        if !sequence.iter().all(|action| monitor.admits(action)) {
            continue;
        }
        let calls: Vec<Timed<'_, M::Action>> = (0..)
            .zip(&sequence)
            .map(|(number, &action)| Timed { action, begin: 2 * number, end: Some(2 * number + 1) })
            .collect();
        let last = sequence.iter().try_fold(model.initial(), |state, action| model.step(&state, action));
        if let Some(verdict) = monitor.is_linearizable(&calls) {
            assert!(
                verdict == last.is_some(),
                "the monitor says {verdict} of {sequence:?}, one after the other, but the steps do not"
            );
        }
    }
}
