//! What was sent and does not arrive, in words.

use skcheck_core::watch::progress::NotArriving;

use crate::text::count;

/// In a table.
pub(in crate::output) fn short(shown: NotArriving) -> &'static str {
    if shown.is_tried_again() { "what was sent does not arrive" } else { "what was sent is on its way" }
}

/// A clause; `there` is where it should arrive: `at app (20)`.
pub(in crate::output) fn clause(shown: NotArriving, there: &str) -> String {
    if !shown.is_tried_again() {
        return format!("what was sent has not arrived {there} so far: nothing waits there");
    }
    let (or, and) = if shown.reader_is_empty {
        ("", ", and nothing waits there")
    } else {
        (", or no answer comes back", "")
    };
    let tries = match shown {
        NotArriving { probes: Some(probes), .. } => {
            format!("{} of its shut window have had no answer", count(probes.into(), "probe"))
        }
        NotArriving { retransmits, .. } => {
            format!("it was sent again {} without an answer", times(retransmits.unwrap_or(0)))
        }
    };
    format!("what was sent does not arrive {there}{or}: {tries}{and}")
}

fn times(number: u8) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(retransmits: Option<u8>, probes: Option<u8>, reader_is_empty: bool) -> NotArriving {
        let mut shown = NotArriving::default();
        (shown.retransmits, shown.probes, shown.reader_is_empty) = (retransmits, probes, reader_is_empty);
        shown
    }

    #[test]
    fn words() {
        let check = |shown: NotArriving, expected: &str| assert_eq!(clause(shown, "at app (2)"), expected);
        check(
            shown(Some(5), None, true),
            "what was sent does not arrive at app (2): it was sent again 5 times without an answer, and nothing \
             waits there",
        );
        check(
            shown(Some(1), None, false),
            "what was sent does not arrive at app (2), or no answer comes back: it was sent again once without \
             an answer",
        );
        check(
            shown(None, Some(3), false),
            "what was sent does not arrive at app (2), or no answer comes back: 3 probes of its shut window have \
             had no answer",
        );
        let early = shown(Some(0), None, true);
        check(early, "what was sent has not arrived at app (2) so far: nothing waits there");
        assert_eq!(short(early), "what was sent is on its way");
        assert_eq!(short(shown(Some(1), None, true)), "what was sent does not arrive");
    }
}
