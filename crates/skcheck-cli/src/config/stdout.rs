//! What standard output is: a terminal of some width, or a pipe; and the locale that it is in.

use std::ffi::OsStr;

use crate::text::{Charset, Page};

/// The page that standard output is.
pub(crate) fn stdout_page() -> Page {
    let stdout = rustix::stdio::stdout();
    let width = rustix::termios::isatty(stdout).then(|| {
        let columns = rustix::termios::tcgetwinsize(stdout).map_or(0, |size| size.ws_col);
        terminal_width(columns, std::env::var("COLUMNS").ok().as_deref())
    });
    Page { width, charset: charset(|name| std::env::var_os(name)) }
}

/// The lines of a terminal that does not say how many it has.
const ROWS: usize = 24;

/// How many lines the terminal has.
pub(crate) fn terminal_rows() -> usize {
    let rows = rustix::termios::tcgetwinsize(rustix::stdio::stdout()).map_or(0, |size| size.ws_row);
    if rows == 0 { ROWS } else { usize::from(rows) }
}

/// The width of a terminal that says it has so many columns; one that does not know says 0.
fn terminal_width(columns: u16, variable: Option<&str>) -> usize {
    let known = (columns > 0).then_some(usize::from(columns));
    known.or_else(|| variable?.parse().ok().filter(|&columns| columns > 0)).unwrap_or(80)
}

/// The charset of the locale: the first of these variables that is set and not empty decides.
fn charset<V: AsRef<OsStr>>(variable: impl Fn(&str) -> Option<V>) -> Charset {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| variable(name))
        .find(|value| !value.as_ref().is_empty())
        .map(|value| value.as_ref().to_string_lossy().to_ascii_lowercase());
    match locale {
        Some(locale) if locale.contains("utf-8") || locale.contains("utf8") => Charset::Utf8,
        _ => Charset::Ascii,
    }
}

#[cfg(test)]
mod tests;
