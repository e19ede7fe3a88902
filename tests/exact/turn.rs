//! Whose turn it is: what measures the memory of the whole host, or takes much of it, runs alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::measure::engine;
use crate::support::loopback::settle;
use crate::support::netns::in_own_netns;

static HOST: RwLock<()> = RwLock::new(());

/// `Some` inside a network namespace of its own, while no other test of this program runs. To be used as
///
/// ```ignore
/// let Some(_turn) = turn::alone("module::test") else { return };
/// ```
pub(crate) fn alone(test: &str) -> Option<RwLockWriteGuard<'static, ()>> {
    let turn = HOST.write().unwrap_or_else(PoisonError::into_inner);
    let is_here = is_here(test);
    if is_here {
        // What others have left behind is not to be blamed on this test.
        settle();
    }
    is_here.then_some(turn)
}

/// Does what measures the memory of the whole machine, of which others take and give some at the same time: in one
/// of several attempts they keep still.
///
/// # Panics
/// When none is right: as the last one does.
pub(crate) fn when_others_are_still(attempt: impl Fn()) {
    const MORE: usize = 4;
    for _ in 0..MORE {
        if catch_unwind(AssertUnwindSafe(&attempt)).is_ok() {
            return;
        }
        settle();
    }
    attempt();
}

/// `Some` inside a network namespace of its own, beside others that need little memory.
pub(crate) fn beside_others(test: &str) -> Option<RwLockReadGuard<'static, ()>> {
    let turn = HOST.read().unwrap_or_else(PoisonError::into_inner);
    is_here(test).then_some(turn)
}

/// The engine is loaded there before a test begins: an emulated machine takes almost as long for that as a
/// test waits for anything.
fn is_here(test: &str) -> bool {
    let is_here = in_own_netns(test);
    if is_here {
        engine();
    }
    is_here
}
