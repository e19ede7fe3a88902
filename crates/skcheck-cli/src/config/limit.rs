//! How much is listed.

/// How many processes, sockets or packets a table shows, unless told otherwise.
pub(super) const TABLE_TOP: usize = 20;

/// How many to list where so many were typed, and 0 stands for all; `None`: all.
pub(super) fn limit(typed: Option<usize>, usual: Option<usize>) -> Option<usize> {
    match typed {
        Some(0) => None,
        Some(n) => Some(n),
        None => usual,
    }
}
