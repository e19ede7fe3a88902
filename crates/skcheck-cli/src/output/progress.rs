//! How far a pass over all pages has come, on a terminal.

use std::io::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use skcheck_core::{PageSize, Pages};

use crate::text::size;

/// How often the line is drawn, and after what time for the first time: what is shorter needs none.
const INTERVAL: Duration = Duration::from_millis(100);

/// Columns of the bar.
const WIDTH: usize = 20;

/// A line on standard error that says how far it has come, and is gone in the end.
#[derive(Debug)]
pub(crate) struct ProgressLine {
    page_size: PageSize,
    /// When it was drawn last, and how long it was then.
    drawn: Mutex<(Instant, usize)>,
}

impl ProgressLine {
    /// `None` where standard error is no terminal.
    pub(crate) fn on_terminal(page_size: PageSize) -> Option<ProgressLine> {
        let is_terminal = rustix::termios::isatty(rustix::stdio::stderr());
        is_terminal.then(|| ProgressLine { page_size, drawn: Mutex::new((Instant::now(), 0)) })
    }

    /// So many of so many pages have been looked at.
    pub(crate) fn show(&self, done: Pages, of: Pages) {
        // Another thread is drawing: no need to wait for it.
        let Ok(mut drawn) = self.drawn.try_lock() else { return };
        if drawn.0.elapsed() < INTERVAL {
            return;
        }
        let line = line(done, of, self.page_size);
        let _ = write!(io::stderr(), "\r{line}");
        *drawn = (Instant::now(), line.len());
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        let (_, columns) = *self.drawn.get_mut().unwrap_or_else(PoisonError::into_inner);
        if columns > 0 {
            let _ = write!(io::stderr(), "\r{:columns$}\r", "");
        }
    }
}

/// `[#####     ] 43 % of 24 GiB of pages`; as long for every share.
fn line(done: Pages, of: Pages, page_size: PageSize) -> String {
    let share = |parts: u64| {
        let share = u128::from(done.0.min(of.0)) * u128::from(parts) / u128::from(of.0.max(1));
        usize::try_from(share).unwrap_or(0)
    };
    let (bar, percent) = ("#".repeat(share(WIDTH as u64)), share(100));
    format!("[{bar:WIDTH$}] {percent:3} % of {} of pages", size(of.bytes(page_size).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_how_far_it_is() {
        let line = |done, of| line(Pages(done), Pages(of), PageSize(4096));
        assert_eq!(line(0, 1 << 20), "[                    ]   0 % of 4 GiB of pages");
        assert_eq!(line(1 << 19, 1 << 20), "[##########          ]  50 % of 4 GiB of pages");
        assert_eq!(line(9, 8), "[####################] 100 % of 32 KiB of pages");
        assert_eq!(line(0, 0), "[                    ]   0 % of 0 B of pages");
    }
}
