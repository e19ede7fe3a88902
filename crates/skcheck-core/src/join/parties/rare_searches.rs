//! What looking where holders are hidden has found before: that can take seconds, and finds nothing as long as one
//! socket is held by nobody.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use crate::holders::hidden::search::HiddenHolders;
use crate::model::gap::Gap;
use crate::model::socket::Inode;

/// It takes no more than this part of the time.
const PART: u32 = 25;

/// The last search of a host that is looked at again and again.
#[derive(Default)]
pub(crate) struct RareSearches {
    last: Mutex<Option<Last>>,
}

struct Last {
    sought: FxHashSet<Inode>,
    found: HiddenHolders,
    gaps: Vec<Gap>,
    /// Until then it is not done again for the same sockets.
    until: Instant,
}

impl RareSearches {
    /// What is found for these: what the last search found, where it was for all of them and is not long ago, of
    /// processes that are still there; else what `search` finds.
    pub(crate) fn find(
        &self,
        sought: &FxHashSet<Inode>,
        is_there: &dyn Fn(u32) -> bool,
        gaps: &mut Vec<Gap>,
        search: impl FnOnce(&mut Vec<Gap>) -> HiddenHolders,
    ) -> HiddenHolders {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        if let Some(last) = &*last
            && begun < last.until
            && sought.is_subset(&last.sought)
        {
            gaps.extend(last.gaps.iter().cloned());
            return last.found.of_processes(is_there);
        }
        let known = gaps.len();
        let found = search(gaps);
        let pause: Duration = begun.elapsed().saturating_mul(PART);
        *last = begun.checked_add(pause).map(|until| Last {
            sought: sought.clone(),
            found: found.clone(),
            gaps: gaps.get(known..).unwrap_or_default().to_vec(),
            until,
        });
        found
    }
}
