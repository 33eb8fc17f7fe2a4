use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::Notify;
use crate::testing::Harness;
use crate::{Alarm, Elapsed, Node, Router, Time};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn node() -> (Harness, Node) {
    let mut harness = Harness::new("n1", &["n1"], |_node| Router::new(()));
    let node = harness.core().node().clone();
    (harness, node)
}

#[test]
fn tasks_go_on_in_the_order_in_which_they_began_to_wait() {
    let (mut harness, node) = node();
    let (notify, level, woken) =
        (Rc::new(Notify::new()), Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
    for (name, wanted) in [("a", 2), ("b", 1), ("c", 2), ("d", 0)] {
        let (notify, level, woken) = (Rc::clone(&notify), Rc::clone(&level), Rc::clone(&woken));
        node.spawn(async move {
            notify.until(|| level.get() >= wanted).await;
            woken.borrow_mut().push(name);
        });
    }
    harness.advance(ms(0));
    assert_eq!(*woken.borrow(), ["d"]);
    for _ in 0..2 {
        level.set(level.get() + 1);
        notify.notify();
        harness.advance(ms(0));
    }
    assert_eq!(*woken.borrow(), ["d", "b", "a", "c"]);
}

#[test]
fn who_gives_up_leaves_nothing_behind() {
    let (mut harness, node) = node();
    let (notify, outcome) = (Rc::new(Notify::new()), Rc::new(Cell::new(None)));
    let (waiting, slot, waiter) = (Rc::clone(&notify), Rc::clone(&outcome), node.clone());
    node.spawn(async move {
        slot.set(Some(waiter.timeout(ms(5), waiting.until(|| false)).await));
    });
    harness.advance(ms(4));
    assert_eq!((outcome.get(), notify.waiting.borrow().len()), (None, 1));
    harness.advance(ms(1));
    assert_eq!((outcome.get(), notify.waiting.borrow().len()), (Some(Err(Elapsed)), 0));
    assert_eq!(harness.core().deadline(), None);
}

#[test]
fn what_is_ready_when_the_time_is_up_wins() {
    let (mut harness, node) = node();
    let outcome = Rc::new(Cell::new(None));
    let (slot, waiter) = (Rc::clone(&outcome), node.clone());
    node.spawn(async move {
        slot.set(Some(waiter.timeout(ms(5), waiter.sleep(ms(5))).await));
    });
    harness.advance(ms(5));
    assert_eq!(outcome.get(), Some(Ok(())));
}

#[test]
fn an_alarm_arms_one_timer_however_often_it_is_moved() {
    let (mut harness, node) = node();
    let (alarm, rings) = (Rc::new(Alarm::new(&node)), Rc::new(RefCell::new(Vec::new())));
    let (ringing, slot, clock) = (Rc::clone(&alarm), Rc::clone(&rings), node.clone());
    node.spawn(async move {
        loop {
            ringing.rings().await;
            slot.borrow_mut().push(clock.now().as_ns() / 1_000_000);
        }
    });
    let at = |ms: u64| Time::from_ns(ms * 1_000_000);
    for due in [50, 10, 30, 20] {
        alarm.set_no_later_than(at(due));
        harness.advance(ms(0));
    }
    assert_eq!(harness.core().deadline(), Some(at(10)));
    alarm.set(at(40));
    harness.advance(ms(0));
    assert_eq!((harness.core().deadline(), alarm.due()), (Some(at(40)), Some(at(40))));
    harness.advance(ms(100));
    alarm.set(at(3));
    harness.advance(ms(0));
    alarm.set(at(200));
    alarm.clear();
    harness.advance(ms(200));
    assert_eq!(*rings.borrow(), [40, 100]);
    assert_eq!(harness.core().deadline(), None);
}
