//! What could not be seen, each with its remedy.

use std::io::{self, Write};

use skcheck_core::{Gap, Missing, Place};

use crate::text::{Charset, Page, escape, write_paragraph};

/// Writes what could not be seen, broken to the page's width.
pub(crate) fn write_gaps(gaps: &[Gap], page: Page, out: &mut dyn Write) -> io::Result<()> {
    let (ordinary, amiss): (Vec<Gap>, Vec<Gap>) = together(gaps).into_iter().partition(|gap| gap.is_ordinary);
    for gap in &amiss {
        let (missing, remedy) = words(gap, page.charset);
        write_paragraph(out, &missing, 0, page)?;
        write_paragraph(out, &remedy, 2, page)?;
    }
    for gap in &ordinary {
        let place = escape(gap.place.to_string().as_bytes(), page.charset);
        let short = format!("Not seen, as usual: what {place} has open (--accept-gap {})", gap.what.name());
        write_paragraph(out, &short, 0, page)?;
    }
    Ok(())
}

/// Says before anything else that a report is not whole, where somebody has ended it.
pub(super) fn write_cut_short(gaps: &[Gap], page: Page, out: &mut dyn Write) -> io::Result<()> {
    if !gaps.iter().any(|gap| gap.what == Missing::Partial) {
        return Ok(());
    }
    write_paragraph(out, "Partial: told to end before everything was read. So far:", 0, page)?;
    writeln!(out)
}

/// Those that do not answer for the same reason, in one.
fn together(gaps: &[Gap]) -> Vec<Gap> {
    /// How many are named.
    const NAMED: usize = 5;
    let mut told: Vec<Gap> = Vec::new();
    for gap in gaps {
        let is_alike = |other: &Gap| other.what == Missing::NoAnswer && other.remedy == gap.remedy;
        if told.iter().any(is_alike) {
            continue;
        }
        let alike: Vec<&Gap> =
            gaps.iter().filter(|other| gap.what == other.what && is_alike(other)).collect();
        let mut gap = gap.clone();
        if alike.len() > 1 {
            let named: Vec<String> = alike.iter().take(NAMED).map(|gap| gap.place.to_string()).collect();
            let more = match alike.len() - named.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            gap.place = Place::Host(format!("{}{more}", named.join(", ")).into());
            gap.count = Some(alike.len() as u64);
        }
        told.push(gap);
    }
    told
}

/// A gap and its remedy.
fn words(gap: &Gap, charset: Charset) -> (String, String) {
    let missing = escape(gap.to_string().as_bytes(), charset);
    (format!("Not seen: {missing}"), escape(gap.remedy.as_bytes(), charset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ordinary_is_said_last_and_shortly() {
        let mut first = Gap::counted(Missing::Processes, Place::Host("systemd (1)".into()), 1, "no help");
        first.is_ordinary = true;
        let engine = Gap::uncounted(Missing::Engine, Place::Engine("bpf"), "run as root");
        let mut out = Vec::new();
        write_gaps(&[first, engine], Page { width: None, charset: Charset::Ascii }, &mut out).unwrap();
        let expected = "Not seen: packets and pages not measured (bpf)\n  run as root\n\
                        Not seen, as usual: what systemd (1) has open (--accept-gap processes)\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
