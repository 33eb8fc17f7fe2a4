//! A script as it is carried out.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

use glomers_node::Time;
use glomers_protocol::{Header, RawValue};
use glomers_world::{MessageEnd, MessageEvent, World};

use super::{super::fault::Fault, Direction, Occasion, Start, Statement};
use crate::nemeses::InjectionId;

/// What a script asks for next.
#[derive(Debug, Clone)]
pub(in crate::nemeses) enum Request {
    /// Begin the fault that this statement asks for.
    Begin {
        fault: Fault,
        lasts: Option<Duration>,
        /// The statement, as the history shows it.
        text: String,
    },
    /// End it.
    End(InjectionId),
    /// End all faults.
    Heal,
}

/// A script under way.
pub(in crate::nemeses) struct ScriptRun {
    /// What is still to come, in the order of its times; of equal times, what was planned first.
    planned: Vec<(Time, Request)>,
    waiting: Rc<RefCell<Waiting>>,
}

/// The statements that wait for a message.
#[derive(Default)]
struct Waiting {
    statements: Vec<(Occasion, Statement)>,
    /// Those whose message has passed.
    fired: VecDeque<Statement>,
}

impl ScriptRun {
    /// The script's statements. Those that wait for a message see the messages of this world from now on.
    pub(in crate::nemeses) fn start(statements: Vec<Statement>, world: &mut World) -> Self {
        let mut run = Self { planned: Vec::new(), waiting: Rc::default() };
        for statement in statements {
            match &statement.start {
                Start::At(after) => run.plan(Time::ZERO + *after, statement),
                Start::When { occasion, .. } => {
                    run.waiting.borrow_mut().statements.push((occasion.clone(), statement));
                }
            }
        }
        if !run.waiting.borrow().statements.is_empty() {
            let waiting = Rc::clone(&run.waiting);
            world.watch(move |event| waiting.borrow_mut().observe(event));
        }
        run
    }

    /// When the next request is due. A statement whose message has passed is due at once, to find its time.
    pub(in crate::nemeses) fn due(&self) -> Option<Time> {
        if !self.waiting.borrow().fired.is_empty() {
            return Some(Time::ZERO);
        }
        self.planned.first().map(|(due, _)| *due)
    }

    /// The next request that is due.
    pub(in crate::nemeses) fn next(&mut self, now: Time) -> Option<Request> {
        loop {
            let fired = self.waiting.borrow_mut().fired.pop_front();
            let Some(statement) = fired else { break };
            let Start::When { after, .. } = statement.start else { continue };
            self.plan(now + after, statement);
        }
        let is_due = self.planned.first().is_some_and(|(due, _)| *due <= now);
        is_due.then(|| self.planned.remove(0).1)
    }

    /// Plans the end of a fault that has begun.
    pub(in crate::nemeses) fn plan_end(&mut self, end: Time, injection: InjectionId) {
        self.insert(end, Request::End(injection));
    }

    fn plan(&mut self, due: Time, statement: Statement) {
        let text = statement.to_string();
        let request = match statement.fault {
            Some(fault) => Request::Begin { fault, lasts: statement.lasts, text },
            None => Request::Heal,
        };
        self.insert(due, request);
    }

    fn insert(&mut self, due: Time, request: Request) {
        let place = self.planned.partition_point(|(planned, _)| *planned <= due);
        self.planned.insert(place, (due, request));
    }
}

impl Waiting {
    fn observe(&mut self, event: &MessageEvent<'_>) {
        let (node, direction) = match event.end {
            MessageEnd::Sent => (event.src, Direction::Sends),
            MessageEnd::Delivered => (event.dest, Direction::Receives),
        };
        let concerns = |occasion: &Occasion| occasion.node == *node && occasion.direction == direction;
        if !self.statements.iter().any(|(occasion, _)| concerns(occasion)) {
            return;
        }
        let Ok(body) = serde_json::from_str::<&RawValue>(event.body) else { return };
        let Ok(header) = Header::parse(body) else { return };
        let fired = &mut self.fired;
        self.statements.retain_mut(|(occasion, statement)| {
            if !concerns(occasion) || occasion.message_type != header.kind {
                return true;
            }
            occasion.count -= 1;
            if occasion.count == 0 {
                fired.push_back(statement.clone());
            }
            occasion.count > 0
        });
    }
}
