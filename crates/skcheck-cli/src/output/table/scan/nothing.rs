//! That nothing was found, and what that is worth.

use skcheck_core::{Gap, Missing};

use crate::report::scan::ScanReport;
use crate::text::count;

/// That nothing was found.
pub(super) fn nothing(report: &ScanReport<'_>) -> String {
    if report.gaps.iter().any(|gap| gap.what == Missing::Partial) {
        return "Nothing had been found by then.".to_owned();
    }
    let seen = count(report.snapshot.scanned.sockets, "socket");
    if let Some(pid) = report.missing_pid {
        return format!("No socket matches, and there is no process {pid}; {seen} looked at.");
    }
    if report.narrowed {
        return format!("No socket matches; {seen} looked at.");
    }
    format!("{} holds unread or unsent data; {seen} looked at.", none_of(&report.gaps))
}

/// None at all, where everything was looked at.
fn none_of(gaps: &[Gap]) -> &'static str {
    if gaps.iter().any(Gap::hides_sockets) { "No socket that could be seen" } else { "No socket" }
}
#[cfg(test)]
mod tests {
    use skcheck_core::{Place, Table};

    use super::*;

    #[test]
    fn none_is_said_only_where_everything_was_looked_at() {
        let check = |what: &[Missing], expected: &str| {
            let gaps: Vec<Gap> = what.iter().map(|what| Gap::counted(*what, Place::Host, 1, "")).collect();
            assert_eq!(none_of(&gaps), expected, "{what:?}");
        };
        check(&[], "No socket");
        check(&[Missing::HostFact, Missing::Engine, Missing::Identities, Missing::TableDetail], "No socket");
        let hiding = [
            Missing::Processes,
            Missing::Namespaces,
            Missing::Table,
            Missing::Families,
            Missing::SockDiag,
            Missing::ClosedHeldUnknown,
            Missing::Messages,
            Missing::NoAnswer,
            Missing::Unasked,
        ];
        for what in hiding {
            check(&[Missing::HostFact, what], "No socket that could be seen");
        }
        let unix = Gap::counted(Missing::TableDetail, Table::Unix, 1, "");
        assert_eq!(none_of(&[unix]), "No socket that could be seen", "/proc/net tells no queues of them");
    }
}
