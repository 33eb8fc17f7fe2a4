//! One component's history, and the two ways in which it is decided.

use super::Model;
use super::budget::{Allowance, Budget};
use super::counterexample::{Counterexample, Described};
use super::lag::{Event, Span};
use super::monitor::{Monitor, Timed};
use super::search::{Outcome, Search};
use crate::Interrupt;

/// How many steps a search may take to show how a history came to a violation that the monitor found.
const EXPLAIN_STEPS: u64 = 5_000;

/// What is known so far of one component's history.
#[derive(Debug)]
pub(super) struct Component<M: Model> {
    model: M,
    interrupt: Interrupt,
    way: Way<M>,
    /// What the monitor said at the end.
    judgement: Option<Judgement>,
}

/// What a monitor says of a whole history.
#[derive(Clone, Copy, Debug)]
enum Judgement {
    Linearizable,
    Violated(Violation),
    /// A search must decide.
    Undecided,
}

#[derive(Debug)]
enum Way<M: Model> {
    /// As long as the monitor admits all actions: it, and the events.
    Monitored(Box<dyn Monitor<M::Action>>, Vec<Event<M::Action>>),
    Searched(Box<Search<M>>),
}

impl<M: Model> Component<M> {
    pub(super) fn new(model: M, allowance: &Allowance, interrupt: Interrupt) -> Self {
        let way = match model.monitor() {
            Some(monitor) => Way::Monitored(monitor, Vec::new()),
            None => Way::Searched(Box::new(Search::new(model.clone(), allowance.clone(), interrupt.clone()))),
        };
        Self { model, interrupt, way, judgement: None }
    }

    /// Takes in the next event. A search uses up the allowance.
    pub(super) fn follow(&mut self, event: Event<M::Action>, allowance: &Allowance) {
        match &mut self.way {
            Way::Searched(search) => search.follow(event),
            Way::Monitored(monitor, events) => {
                let is_admitted = match &event {
                    Event::Begin { action, .. } => monitor.admits(action),
                    Event::End { .. } => true,
                };
                events.push(event);
                if !is_admitted {
                    let events = std::mem::take(events);
                    let mut search =
                        Search::new(self.model.clone(), allowance.clone(), self.interrupt.clone());
                    events.into_iter().for_each(|event| search.follow(event));
                    self.way = Way::Searched(Box::new(search));
                }
            }
        }
    }

    /// Whether no order can fit any more, whatever is still to come.
    pub(super) fn is_violated(&self) -> bool {
        matches!(&self.way, Way::Searched(search) if search.is_violated())
    }

    /// Whether nothing is left to do at the end but to tell.
    pub(super) fn is_decided(&self) -> bool {
        match &self.way {
            Way::Searched(search) => search.is_decided(),
            Way::Monitored(..) => matches!(self.judgement, Some(Judgement::Linearizable)),
        }
    }

    /// Asks the monitor, when the history has ended.
    pub(super) fn judge(&mut self) {
        let Way::Monitored(monitor, events) = &self.way else { return };
        let calls = timed(events);
        self.judgement = Some(match monitor.is_linearizable(&calls) {
            Some(true) => Judgement::Linearizable,
            Some(false) => Judgement::Violated(first_violation(&**monitor, events, &calls)),
            None => Judgement::Undecided,
        });
    }

    /// Where the monitor found that no order fits: the index of the entry.
    pub(super) fn violated_at(&self) -> Option<u64> {
        match self.judgement {
            Some(Judgement::Violated(violation)) => violation.span.end_index,
            _ => None,
        }
    }

    /// Another component may have come to a violation before this one did.
    pub(super) fn may_not_be_first(&mut self) {
        if let Some(Judgement::Violated(violation)) = &mut self.judgement {
            violation.is_exact = false;
        }
    }

    /// How many events are left to decide at the end.
    pub(super) fn undecided_events(&self) -> usize {
        match &self.way {
            Way::Monitored(_, events) => events.len(),
            Way::Searched(search) if search.is_decided() => 0,
            Way::Searched(search) => search.events(),
        }
    }

    /// The outcome, when the monitor was asked. What is undecided may use this budget.
    pub(super) fn finish(self, budget: Budget) -> Outcome<M> {
        let events = match self.way {
            Way::Searched(search) => return search.finish(budget),
            Way::Monitored(_, events) => events,
        };
        let violation = match self.judgement {
            Some(Judgement::Linearizable) => return Outcome::Linearizable,
            Some(Judgement::Violated(violation)) => Some(violation),
            Some(Judgement::Undecided) | None => None,
        };
        let (ends, budget) = match &violation {
            Some(violation) => {
                let ends = usize::try_from(violation.prefix).expect("operations fit in memory") + 1;
                let steps = |all: u64| all.min(EXPLAIN_STEPS);
                let depth_first_steps = steps(budget.depth_first_steps);
                (ends, budget.with_steps(steps(budget.steps)).with_depth_first_steps(depth_first_steps))
            }
            None => (usize::MAX, budget),
        };
        let violation = violation.map(|violation| Box::new(violation.counterexample(&events)));
        let mut search = Search::new(self.model, Allowance::new(budget), self.interrupt);
        let mut ended = 0;
        for event in events {
            ended += usize::from(matches!(event, Event::End { .. }));
            search.follow(event);
            if ended == ends {
                break;
            }
        }
        match (search.finish(budget), violation) {
            (Outcome::GaveUp(_) | Outcome::Violated(None), Some(violation)) => {
                Outcome::Violated(Some(violation))
            }
            (Outcome::Linearizable, Some(_)) => Outcome::GaveUp(
                "the monitor and the search disagree, which is a fault of the checker".to_owned(),
            ),
            (Outcome::Violated(Some(mut found)), Some(violation)) => {
                found.is_exact &= violation.is_exact;
                Outcome::Violated(Some(found))
            }
            (outcome, None) => outcome,
        }
    }
}

/// The calls, in the order of their beginnings.
fn timed<A>(events: &[Event<A>]) -> Vec<Timed<'_, A>> {
    let calls = events.iter().filter_map(|event| match event {
        Event::Begin { action, begin, end, .. } => Some(Timed { action, begin: *begin, end: *end }),
        Event::End { .. } => None,
    });
    calls.collect()
}

/// The first operation whose end fits no order.
#[derive(Clone, Copy, Debug)]
struct Violation {
    /// The place of its beginning among the events.
    event: usize,
    span: Span,
    /// How many operations had ended before.
    prefix: u64,
    /// Whether an order fits up to there.
    is_exact: bool,
}

impl Violation {
    fn counterexample<M: Model>(&self, events: &[Event<M::Action>]) -> Counterexample<M> {
        let Event::Begin { action, span, .. } = &events[self.event] else {
            unreachable!("the event is a beginning")
        };
        Counterexample {
            operation: Described { span: *span, action: action.clone() },
            prefix: self.prefix,
            order: Vec::new(),
            left_out: 0,
            is_exact: self.is_exact,
            possible: Vec::new(),
            possible_count: 0,
        }
    }
}

/// Finds where a history breaks that fits no order: the beginning of one that does fit some order fits some too, so that
/// halving finds the first end that breaks it.
fn first_violation<A>(monitor: &dyn Monitor<A>, events: &[Event<A>], calls: &[Timed<'_, A>]) -> Violation {
    let mut ends: Vec<u64> = calls.iter().filter_map(|call| call.end).collect();
    ends.sort_unstable();
    let verdict = |end: u64| {
        let begun = calls.iter().take_while(|call| call.begin < end);
        let cut: Vec<Timed<'_, A>> =
            begun.map(|call| Timed { end: call.end.filter(|&other| other <= end), ..*call }).collect();
        monitor.is_linearizable(&cut)
    };
    let (mut low, mut high) = (0, ends.len() - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if verdict(ends[middle]) == Some(false) { high = middle } else { low = middle + 1 }
    }
    let broken = events.iter().enumerate().find_map(|(place, event)| match event {
        Event::Begin { end, span, .. } if *end == Some(ends[high]) => Some((place, *span)),
        Event::Begin { .. } | Event::End { .. } => None,
    });
    let (event, span) = broken.expect("every end is some operation's");
    let is_exact = high == 0 || verdict(ends[high - 1]) == Some(true);
    Violation { event, span, prefix: high as u64, is_exact }
}
