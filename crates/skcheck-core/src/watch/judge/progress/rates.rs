//! Numbers a second, and times at a rate. Pure.

use std::time::Duration;

/// So many in a window, a second; `None` for no window at all.
pub(crate) fn per_second(amount: u64, window: Duration) -> Option<u64> {
    let nanoseconds = window.as_nanos();
    if nanoseconds == 0 {
        return None;
    }
    let rate = u128::from(amount) * 1_000_000_000 / nanoseconds;
    Some(u64::try_from(rate).unwrap_or(u64::MAX))
}

/// How a number that was `before` and is `now` changes in a second; 0 for no window at all.
#[allow(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
pub(crate) fn change(before: u64, now: u64, window: Duration) -> f64 {
    let seconds = window.as_secs_f64();
    if seconds > 0.0 { (now as f64 - before as f64) / seconds } else { 0.0 }
}

/// How long `distance` takes when `step` takes a window; `None` when nothing moves, and for times that no
/// clock can show.
pub(crate) fn until(distance: u64, step: u64, window: Duration) -> Option<Duration> {
    if step == 0 || window.is_zero() {
        return None;
    }
    let nanoseconds = u128::from(distance).checked_mul(window.as_nanos())? / u128::from(step);
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}
