//! A terminal on which the same lines are drawn again and again. Pure: lines in, bytes out.

use crate::text::{Charset, fit, width};

/// Goes to the first column, and so many lines up.
fn up(lines: usize) -> String {
    if lines == 0 { "\r".to_owned() } else { format!("\r\x1b[{lines}A") }
}

/// Clears the rest of the line. Each line is written first and cleared behind, so that nothing flickers.
const CLEAR_LINE: &str = "\x1b[K";

/// Clears everything below the cursor.
const CLEAR_BELOW: &str = "\x1b[J";

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TerminalSize {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl TerminalSize {
    /// How many lines can be drawn so that the first of them is still there: the cursor has one of its own.
    pub(crate) fn lines(self) -> usize {
        self.rows.saturating_sub(1).max(1)
    }
}

/// What was drawn last.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// How wide each line is.
    drawn: Vec<usize>,
}

impl Screen {
    /// What draws these lines in the place of the last ones.
    pub(crate) fn redraw(&mut self, lines: &[String], size: TerminalSize, charset: Charset) -> String {
        let mut bytes = up(self.height(size));
        self.drawn.clear();
        for line in lines.iter().take(size.lines()) {
            let line = fit(line, size.columns.max(1), charset);
            self.drawn.push(width(&line));
            bytes.push_str(&line);
            bytes.push_str(CLEAR_LINE);
            bytes.push('\n');
        }
        bytes.push_str(CLEAR_BELOW);
        bytes
    }

    /// What leaves the last lines where they are, and begins below them: `^C` may stand there.
    pub(crate) fn leave(&mut self) -> String {
        self.drawn.clear();
        format!("\r{CLEAR_BELOW}")
    }

    /// How many lines of the terminal the last drawing takes now: on one that has become narrower, long
    /// lines are broken. What has left it at the top cannot be reached.
    fn height(&self, size: TerminalSize) -> usize {
        let columns = size.columns.max(1);
        let lines: usize = self.drawn.iter().map(|width| width.div_ceil(columns).max(1)).sum();
        lines.min(size.rows.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    const SIZE: TerminalSize = TerminalSize { rows: 5, columns: 10 };

    fn redraw(screen: &mut Screen, texts: &[&str], size: TerminalSize) -> String {
        screen.redraw(&lines(texts), size, Charset::Ascii)
    }

    #[test]
    fn draws_over_what_it_drew() {
        let mut screen = Screen::default();
        assert_eq!(redraw(&mut screen, &["ab", "c"], SIZE), "\rab\x1b[K\nc\x1b[K\n\x1b[J");
        assert_eq!(redraw(&mut screen, &["d"], SIZE), "\r\x1b[2Ad\x1b[K\n\x1b[J");
        assert_eq!(redraw(&mut screen, &[], SIZE), "\r\x1b[1A\x1b[J");
        assert_eq!(redraw(&mut screen, &["e"], SIZE), "\re\x1b[K\n\x1b[J");
    }

    #[test]
    fn is_never_longer_nor_wider_than_the_terminal() {
        let mut screen = Screen::default();
        let drawn = redraw(&mut screen, &["1", "2", "3", "4", "5", "6"], SIZE);
        assert_eq!(drawn.matches('\n').count(), 4, "the cursor's line is the fifth");
        assert!(redraw(&mut screen, &["0123456789a"], SIZE).contains("01234567..\x1b[K"));
    }

    #[test]
    fn a_narrower_terminal_has_broken_the_lines() {
        let mut screen = Screen::default();
        redraw(&mut screen, &["0123456789", "ab", ""], SIZE);
        let narrow = TerminalSize { rows: 9, columns: 4 };
        assert!(redraw(&mut screen, &["x"], narrow).starts_with("\r\x1b[5Ax"), "3 + 1 + 1 lines");
        redraw(&mut screen, &["0123", "0123"], narrow);
        let flat = TerminalSize { rows: 2, columns: 1 };
        assert!(redraw(&mut screen, &["x"], flat).starts_with("\r\x1b[1Ax"), "no more than there are");
    }

    #[test]
    fn leaves_what_it_drew() {
        let mut screen = Screen::default();
        redraw(&mut screen, &["ab"], SIZE);
        assert_eq!(screen.leave(), "\r\x1b[J");
        assert!(redraw(&mut screen, &["x"], SIZE).starts_with("\rx"));
    }
}
