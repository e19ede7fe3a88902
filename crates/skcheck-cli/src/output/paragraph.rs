//! Sentences, broken to the page's width.

use std::io::{self, Write};

use crate::config::Page;
use crate::text::width;

/// Writes a paragraph, broken at blanks to the page's width.
pub(crate) fn write_paragraph(out: &mut dyn Write, text: &str, indent: usize, page: Page) -> io::Result<()> {
    let room = page.width.map_or(usize::MAX, |room| room.saturating_sub(indent));
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > room {
            writeln!(out, "{:indent$}{line}", "")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{:indent$}{line}", "")
}
