//! How long a run waits for those that do not answer: one budget for all of them together.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The first that does not answer is waited for this part of the budget, and each further one half as long as
/// the one before: where one is stuck many are.
const FIRST: u32 = 2;

/// Nobody is waited for longer than this part of what is left: whoever is asked last has some of it, too.
const MOST: u32 = 2;

/// The longest and the shortest that one is waited for, while anything is left. What answers at all answers
/// in microseconds; a process that executes a program, or a disk that spins up, takes longer.
const LONGEST: Duration = Duration::from_millis(1500);
const SHORTEST: Duration = Duration::from_millis(20);

/// When a run is told to end, nobody is waited for any more; but what answers at once is still read for so
/// long.
const AFTER_END: Duration = Duration::from_millis(150);

/// What all that can block spends together. Only waiting counts: for what works, or runs, there is no limit.
///
/// Clones share one budget.
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<BudgetState>,
}

#[derive(Debug)]
struct BudgetState {
    /// In nanoseconds.
    whole: AtomicU64,
    unspent: Mutex<Unspent>,
    /// How many did not answer since the budget was last filled.
    silent: AtomicU32,
    ended: Mutex<Arc<AtomicBool>>,
    /// When that was noticed.
    ended_at: OnceLock<Instant>,
}

#[derive(Debug)]
struct Unspent {
    left: Duration,
    /// Until when waiting has been taken off.
    until: Option<Instant>,
}

impl Budget {
    /// So long as a run waits unless it is told otherwise.
    pub const USUAL: Duration = Duration::from_secs(10);

    /// A budget that nothing has been spent of.
    pub fn new(whole: Duration) -> Budget {
        let shared = BudgetState {
            whole: AtomicU64::new(nanoseconds(whole)),
            unspent: Mutex::new(Unspent { left: whole, until: None }),
            silent: AtomicU32::new(0),
            ended: Mutex::default(),
            ended_at: OnceLock::new(),
        };
        Budget { shared: Arc::new(shared) }
    }

    /// Is as good as over when `flag` is set, as a signal handler does: nobody is waited for any more, and
    /// soon nobody is asked.
    #[must_use]
    pub fn ended_by(self, flag: Arc<AtomicBool>) -> Budget {
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = flag;
        self
    }

    /// Fills it with so much: the next of several looks begins.
    pub(crate) fn refill(&self, whole: Duration) {
        self.shared.whole.store(nanoseconds(whole), Ordering::Relaxed);
        self.unspent().left = whole;
        self.shared.silent.store(0, Ordering::Relaxed);
    }

    /// What there was in the beginning.
    pub(crate) fn whole(&self) -> Duration {
        Duration::from_nanos(self.shared.whole.load(Ordering::Relaxed))
    }

    /// What is left to wait.
    pub(crate) fn left(&self) -> Duration {
        let unspent = self.unspent().left;
        match self.ended_at() {
            Some(at) => AFTER_END.saturating_sub(at.elapsed()).min(unspent),
            None => unspent,
        }
    }

    /// Whether somebody has told the run to end.
    pub fn is_ended(&self) -> bool {
        self.ended_at().is_some()
    }

    fn ended_at(&self) -> Option<Instant> {
        let ended = self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.load(Ordering::Relaxed).then(|| *self.shared.ended_at.get_or_init(Instant::now))
    }

    /// How long the next one is waited for. What is known to take its time gets at least `at_least`, as far
    /// as there is any left; and everybody the shortest time.
    pub(crate) fn patience(&self, at_least: Duration) -> Duration {
        let halved = self.shared.silent.load(Ordering::Relaxed).min(16);
        let first = (self.whole() / FIRST).min(LONGEST);
        (first / (1 << halved)).max(at_least).min(self.left() / MOST).max(SHORTEST)
    }

    /// Takes off what was waited from then on. Those who wait at the same time spend it once, together.
    pub(crate) fn spend(&self, begun: Instant, waited: Duration) {
        let mut unspent = self.unspent();
        let end = begun + waited;
        let from = unspent.until.map_or(begun, |until| until.max(begun));
        unspent.left = unspent.left.saturating_sub(end.saturating_duration_since(from));
        unspent.until = Some(end.max(from));
    }

    /// Notes that somebody did not answer.
    pub(crate) fn note_silence(&self) {
        self.shared.silent.fetch_add(1, Ordering::Relaxed);
    }

    fn unspent(&self) -> MutexGuard<'_, Unspent> {
        self.shared.unspent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget::new(Budget::USUAL)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits behind all that was waited before.
    fn spend(budget: &Budget, waited: Duration) {
        let begun = budget.unspent().until.unwrap_or_else(Instant::now);
        budget.spend(begun, waited);
    }

    #[test]
    fn those_who_wait_at_the_same_time_spend_it_once() {
        let second = Duration::from_secs(1);
        let (budget, begun) = (Budget::new(second * 10), Instant::now());
        budget.spend(begun, second * 2);
        budget.spend(begun, second * 2);
        budget.spend(begun + second, second / 2);
        assert_eq!(budget.left(), second * 8);
        budget.spend(begun + second, second * 2);
        assert_eq!(budget.left(), second * 7);
        budget.spend(begun + second * 5, second);
        assert_eq!(budget.left(), second * 6);
    }

    #[test]
    fn patience_wears_out() {
        let budget = Budget::new(Duration::from_secs(4));
        let mut waited = Vec::new();
        for _ in 0..6 {
            let patience = budget.patience(Duration::ZERO);
            waited.push(patience.as_millis());
            spend(&budget, patience);
            budget.note_silence();
        }
        assert_eq!(waited, [1500, 750, 375, 187, 93, 46]);
        assert_eq!(budget.patience(Duration::from_secs(9)), budget.left() / 2);
        spend(&budget, budget.left() - Duration::from_millis(10));
        assert_eq!(budget.patience(Duration::from_secs(1)), SHORTEST);
        spend(&budget, Duration::from_secs(9));
        assert_eq!((budget.left(), budget.patience(Duration::ZERO)), (Duration::ZERO, SHORTEST));
        budget.refill(Duration::from_secs(4));
        assert_eq!(budget.patience(Duration::ZERO), Duration::from_millis(1500));
    }

    #[test]
    fn who_is_told_to_end_waits_for_nobody() {
        let flag = Arc::new(AtomicBool::new(false));
        let budget = Budget::default().ended_by(Arc::clone(&flag));
        let shared = budget.clone();
        assert_eq!(shared.left(), Budget::USUAL);
        flag.store(true, Ordering::Relaxed);
        assert!(shared.is_ended());
        assert!(shared.left() <= AFTER_END);
        std::thread::sleep(AFTER_END);
        assert_eq!(shared.left(), Duration::ZERO);
    }
}
