//! What could not be seen, each with its remedy.

use std::io::{self, Write};

use skcheck_core::{Gap, Missing};

use crate::text::{Charset, Page, escape, write_paragraph};

/// Writes what could not be seen, broken to the page's width.
pub(crate) fn write_gaps(gaps: &[Gap], page: Page, out: &mut dyn Write) -> io::Result<()> {
    for gap in &together(gaps) {
        let (missing, remedy) = words(gap, page.charset);
        write_paragraph(out, &missing, 0, page)?;
        write_paragraph(out, &remedy, 2, page)?;
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
            let named: Vec<&str> = alike.iter().take(NAMED).map(|gap| gap.place.as_str()).collect();
            let more = alike.len() - named.len();
            gap.place = named.join(", ");
            if more > 0 {
                gap.place.push_str(&format!(" and {more} more"));
            }
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
