//! What could not be seen, each with its remedy.

use std::io::{self, Write};

use skcheck_core::{Gap, Missing, Place};

use crate::text::{Page, escape, write_paragraph};

/// Writes what could not be seen, broken to the page's width.
pub(crate) fn write_gaps(gaps: &[Gap], page: Page, out: &mut dyn Write) -> io::Result<()> {
    write(gaps, page, out, |_| String::new())
}

/// The same for a report that was asked to be strict: what is ordinary could be accepted.
pub(crate) fn write_gaps_strictly(gaps: &[Gap], page: Page, out: &mut dyn Write) -> io::Result<()> {
    write(gaps, page, out, |gap| format!(" (--accept-gap {})", gap.what.name()))
}

fn write(
    gaps: &[Gap],
    page: Page,
    out: &mut dyn Write,
    accepting: impl Fn(&Gap) -> String,
) -> io::Result<()> {
    let (ordinary, amiss): (Vec<&Gap>, Vec<&Gap>) = gaps.iter().partition(|gap| gap.is_ordinary);
    for alike in together(&amiss) {
        let Some(first) = alike.first() else { continue };
        let missing = format!("Not seen: {}", text(&alike));
        write_paragraph(out, &escape(missing.as_bytes(), page.charset), 0, page)?;
        write_paragraph(out, &escape(first.remedy.as_bytes(), page.charset), 2, page)?;
    }
    for gap in &ordinary {
        let place = escape(gap.place.to_string().as_bytes(), page.charset);
        let short = format!("Not seen, as usual: what {place} has open{}", accepting(gap));
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

/// Gaps, each apart but for those that do not answer for the same reason: these together.
fn together<'g>(gaps: &[&'g Gap]) -> Vec<Vec<&'g Gap>> {
    let mut told: Vec<Vec<&Gap>> = Vec::new();
    for gap in gaps {
        let is_alike = |alike: &&mut Vec<&Gap>| {
            let first = alike.first().map(|first| (first.what, &first.remedy));
            first == Some((Missing::NoAnswer, &gap.remedy)) && gap.what == Missing::NoAnswer
        };
        match told.iter_mut().find(is_alike) {
            Some(alike) => alike.push(gap),
            None => told.push(vec![gap]),
        }
    }
    told
}

/// A gap, or gaps that are alike, as one line.
fn text(alike: &[&Gap]) -> String {
    let [first, _, ..] = alike else { return alike.iter().map(ToString::to_string).collect() };
    let named: Vec<String> = alike.iter().take(Place::NAMED).map(|gap| gap.place.to_string()).collect();
    let more = match alike.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more} {}", named.join(", "), first.what.phrase(Some(alike.len() as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Charset;
    use skcheck_core::testing;

    const PAGE: Page = Page { width: None, charset: Charset::Ascii };

    fn at(pid: u32, comm: &[u8]) -> Place {
        Place::Processes { first: vec![testing::process_name(pid, Some(comm), None)], more: 0 }
    }

    #[test]
    fn what_is_ordinary_is_said_last_and_shortly() {
        let mut first = Gap::counted(Missing::Processes, at(1, b"systemd"), 1, "no help");
        first.is_ordinary = true;
        let gaps = [first, Gap::uncounted(Missing::Engine, Place::Engine("bpf"), "run as root")];
        let expected = "Not seen: packets and pages not measured (bpf)\n  run as root\n\
                        Not seen, as usual: what systemd (1) has open";
        let mut out = Vec::new();
        write_gaps(&gaps, PAGE, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
        let mut out = Vec::new();
        write_gaps_strictly(&gaps, PAGE, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected} (--accept-gap processes)\n"));
    }

    #[test]
    fn those_that_do_not_answer_alike_are_told_together() {
        let silent = |pid: u32, remedy: &str| Gap::counted(Missing::NoAnswer, at(pid, b"app"), 1, remedy);
        let mut gaps = vec![silent(2, "stuck"), silent(3, "dead"), silent(4, "stuck")];
        gaps.push(Gap::counted(Missing::Unasked, Place::Host, 3, "stuck"));
        let written = |gaps: &[Gap]| {
            let mut out = Vec::new();
            write_gaps(gaps, PAGE, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let expected = "Not seen: app (2), app (4) do not answer\n  stuck\n\
                        Not seen: app (3) does not answer\n  dead\n\
                        Not seen: 3 questions not asked\n  stuck\n";
        assert_eq!(written(&gaps), expected);
        let many: Vec<Gap> = (2..9).map(|pid| silent(pid, "stuck")).collect();
        let expected =
            "Not seen: app (2), app (3), app (4), app (5), app (6) and 2 more do not answer\n  stuck\n";
        assert_eq!(written(&many), expected);
    }
}
