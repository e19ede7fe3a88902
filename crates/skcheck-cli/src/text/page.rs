//! What text is written on.

use crate::text::charset::Charset;

/// What a table is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Columns; `None`: as many as it takes (a pipe, a file).
    pub(crate) width: Option<usize>,
    pub(crate) charset: Charset,
}
