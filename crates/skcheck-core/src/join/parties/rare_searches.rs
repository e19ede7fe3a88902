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
            return last.found.of(sought, is_there);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::holder::Holder;
    use crate::model::place::Place;

    fn sought(numbers: &[u32]) -> FxHashSet<Inode> {
        numbers.iter().filter_map(|number| Inode::new(*number)).collect()
    }

    #[test]
    fn what_was_searched_for_is_not_searched_for_again_at_once() {
        let rare = RareSearches::default();
        let (mut searches, mut gaps) = (0, Vec::new());
        let mut find = |numbers: &[u32], is_there: &dyn Fn(u32) -> bool, takes: Duration| {
            rare.find(&sought(numbers), is_there, &mut gaps, |gaps| {
                searches += 1;
                std::thread::sleep(takes);
                gaps.push(Gap::uncounted(crate::model::gap::Missing::Holders, Place::Host, "run again"));
                let mut found = HiddenHolders::default();
                let inode = Inode::new(7).into_iter();
                found.holders.extend(inode.map(|inode| (inode, vec![Holder::of_mapping(5)])));
                found
            })
        };
        let long = Duration::from_millis(100);
        assert_eq!(find(&[7, 8], &|_| true, long).holders.len(), 1);
        assert_eq!(find(&[7], &|_| true, long).holders.len(), 1, "as it was found");
        assert!(find(&[8, 7], &|pid| pid != 5, long).holders.is_empty(), "its process has ended");
        assert_eq!(find(&[9], &|_| true, Duration::ZERO).holders.len(), 1, "nobody has looked for that");
        std::thread::sleep(Duration::from_millis(20));
        find(&[9], &|_| true, Duration::ZERO);
        assert_eq!(searches, 3, "the last search took no time: it is done again");
        assert_eq!(gaps.len(), 5, "what each search lacked is said each time");
    }
}
