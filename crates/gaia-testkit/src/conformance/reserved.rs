//! [T7]'s half of the line: a place that the assigner keeps.

use gaia_locks::model::{Turn, WaiterLife};

use super::{ASSIGNER, Stage, ask, cannot};

pub(super) fn t07_a_reserved_place_holds_others_back_and_is_not_granted(stage: &Stage) {
    if stage.service.is_none() {
        return cannot(ASSIGNER);
    }
    let process = stage.process(1);
    let held = ask("A", "/r").granted(stage);
    let life = WaiterLife::Process(process);
    let reserved = ask("assigner", "/r")
        .task(5)
        .standing(life, None, Turn::Reserved)
        .queued(stage)
        .waiter;
    stage.release(&held);
    assert_eq!(stage.active(), [], "it is granted with a session only");
    assert_eq!(stage.place_of(reserved), Some(1));
    ask("B", "/r").refused(stage);
    let behind = ask("B", "/r").waiting().queued(stage).waiter;
    stage.locks.leave(reserved).unwrap();
    stage.take_up(behind);
}
