//! What may be written where.

/// How to write for a terminal or a file whose encoding may be ASCII only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// Everything that is printable.
    Utf8,
    /// ASCII only.
    Ascii,
}

impl Charset {
    /// "At least" in front of a number.
    pub(crate) fn at_least(self) -> &'static str {
        match self {
            Charset::Utf8 => "≥",
            Charset::Ascii => ">=",
        }
    }

    /// "About" in front of a number.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Charset::Utf8 => "≈",
            Charset::Ascii => "~=",
        }
    }

    /// "At most" in front of a number.
    pub(crate) fn at_most(self) -> &'static str {
        match self {
            Charset::Utf8 => "≤",
            Charset::Ascii => "<=",
        }
    }

    /// What stands for text that was cut off.
    pub(crate) fn ellipsis(self) -> &'static str {
        match self {
            Charset::Utf8 => "…",
            Charset::Ascii => "..",
        }
    }
}
