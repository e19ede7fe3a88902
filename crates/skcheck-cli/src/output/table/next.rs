//! The commands for the next question.

use std::io::{self, Write};

/// Writes the commands for the next question.
pub(super) fn write_next(next: &[String], out: &mut dyn Write) -> io::Result<()> {
    for (at, line) in next.iter().enumerate() {
        writeln!(out, "{}{line}", if at == 0 { "Next: " } else { "      " })?;
    }
    Ok(())
}
