//! What a demonstration has made, in words.

use std::io::{self, Write};

use crate::report::demo::{DemoReport, FreeMemory, Made};
use crate::text::{Page, size, write_paragraph};

/// Writes what was made, and what the usual numbers say about it.
pub(crate) fn write_story(report: &DemoReport, page: Page, out: &mut dyn Write) -> io::Result<()> {
    write_paragraph(out, &story(report), 0, page)?;
    writeln!(out)
}

/// Writes how it ended.
pub(crate) fn write_end(out: &mut dyn Write) -> io::Result<()> {
    let next = "Next: skcheck (who holds what on this host)";
    writeln!(out, "\nThe child has ended, and its sockets are closed.\n{next}")
}

fn story(report: &DemoReport) -> String {
    let DemoReport { pid, made, rss, free } = report;
    let rss = rss.map_or_else(|| "unknown".to_owned(), size);
    let fell = match free {
        FreeMemory::Unreadable => "how free memory changed cannot be read here".to_owned(),
        FreeMemory::FellBy(fell) => format!("free memory fell by {}", size(*fell)),
        FreeMemory::Blurred => {
            "how far that lets free memory fall cannot be seen, as others took or gave back as much meanwhile"
                .to_owned()
        }
    };
    let (unread, sockets) = made.unread;
    let places = if sockets > 1 { format!(" at {sockets} sockets") } else { String::new() };
    format!(
        "A child process (pid {pid}) holds {}{places}. Each was sent from a chunk of {} \
         of its own, {}. The child's RSS is {rss}; {fell}. No process owns that memory. This is how skcheck \
         shows it:",
        if unread == 1 { "1 unread byte".to_owned() } else { format!("{unread} unread bytes") },
        size(made.chunk),
        told(made)
    )
}

/// What keeps how much, and how that is known.
fn told(made: &Made) -> String {
    let all = size(made.bytes);
    match made.pinned {
        Some(pinned) if pinned.abs_diff(made.bytes) <= made.bytes / 20 => {
            format!("and keeps it: they pin {}, measured", size(pinned))
        }
        Some(pinned) if pinned > made.bytes => {
            format!("{all} in all: they pin {}, measured", size(pinned))
        }
        Some(pinned) => format!(
            "{all} in all. The kernel has copied them together since, as it does where a receive buffer is \
             full: they pin {}, measured",
            size(pinned)
        ),
        None => format!("and can keep it, {all} in all; that was not measured"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_what_was_measured() {
        let told = |pinned| told(&Made { bytes: 64 << 20, chunk: 32 << 10, unread: (2048, 1), pinned });
        assert_eq!(told(Some(64 << 20)), "and keeps it: they pin 64 MiB, measured");
        assert!(told(Some(17 << 15)).contains("since, as it does"), "{}", told(Some(17 << 15)));
        assert!(told(Some(17 << 15)).ends_with("they pin 544 KiB, measured"));
        assert_eq!(told(None), "and can keep it, 64 MiB in all; that was not measured");
    }
}
