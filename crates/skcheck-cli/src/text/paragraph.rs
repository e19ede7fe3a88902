//! Sentences, broken to the page's width.

use std::io::{self, Write};

use crate::text::page::Page;
use crate::text::width::width;

/// Writes a paragraph, broken at blanks to the page's width.
pub(crate) fn write_paragraph(out: &mut dyn Write, text: &str, indent: usize, page: Page) -> io::Result<()> {
    let room = page.width.map_or(usize::MAX, |room| room.saturating_sub(indent));
    broken(text, room).iter().try_for_each(|line| writeln!(out, "{:indent$}{line}", ""))
}

/// The lines of a paragraph that is broken at blanks to so many columns, but not between a number and its
/// unit. At least one.
pub(crate) fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        let mut piece = word.to_owned();
        if word.ends_with(|last: char| last.is_ascii_digit())
            && let Some(unit) = words.next_if(|next| is_unit(next))
        {
            piece = format!("{word} {unit}");
        }
        if !line.is_empty() && width(&line) + 1 + width(&piece) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&piece);
    }
    lines.push(line);
    lines
}

/// Whether a word is the unit of the number before it.
fn is_unit(word: &str) -> bool {
    let unit = word.trim_end_matches([',', '.', ';', ':', ')']);
    let unit = unit.strip_suffix("/s").unwrap_or(unit);
    matches!(unit, "B" | "KiB" | "MiB" | "GiB" | "TiB" | "PiB" | "EiB" | "%" | "ms" | "s" | "min" | "h" | "d")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_at_blanks() {
        let check = |text: &str, room: usize, expected: &[&str]| assert_eq!(broken(text, room), expected);
        check("", 5, &[""]);
        check("a bc def", 4, &["a bc", "def"]);
        check("longer than that", 4, &["longer", "than", "that"]);
        check("has 12.5 MiB, and", 8, &["has", "12.5 MiB,", "and"]);
        check("at 1.5 KiB/s, for 5 min", 13, &["at 1.5 KiB/s,", "for 5 min"]);
        check("at 80 columns", 5, &["at 80", "columns"]);
    }
}
