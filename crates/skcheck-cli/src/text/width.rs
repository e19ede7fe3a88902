//! How wide a text is, and how to make it narrower.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::charset::Charset;

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text, cut to so many columns; what was cut off leaves a mark.
pub(crate) fn fit(text: &str, columns: usize, charset: Charset) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mark = charset.ellipsis();
    if columns <= width(mark) {
        return ".".repeat(columns);
    }
    let mut room = columns - width(mark);
    let mut cut = String::new();
    for c in text.chars() {
        let needed = c.width().unwrap_or(0);
        if needed > room {
            break;
        }
        room -= needed;
        cut.push(c);
    }
    cut + mark
}
