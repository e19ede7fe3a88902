//! How the report of a scan is drawn.

use crate::text::Page;

/// How the report of a scan is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableStyle {
    pub(crate) page: Page,
    /// Whether namespaces and containers are named even where there is only one.
    pub(crate) wide: bool,
    /// Whether it says what looked, at how much, and for how long.
    pub(crate) verbose: bool,
    /// Whether it was asked to be strict about what could not be seen (--strict).
    pub(crate) strict: bool,
}
