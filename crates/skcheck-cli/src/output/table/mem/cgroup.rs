//! A cgroup's limits and what it suffers, in words.

use skcheck_core::memory::{CgroupMemory, Pressure};

use crate::report::mem::MemReport;
use crate::text::{Charset, count, escape, percent, signed_size, size};

/// The answer in one line.
pub(super) fn headline(report: &MemReport<'_>, cgroup: &CgroupMemory, charset: Charset) -> String {
    let used = report.ledger.total.0;
    let path = escape(&cgroup.path, charset);
    let usage = match cgroup.limit {
        Some(limit) => {
            format!("{} of its limit of {} ({})", size(used), size(limit.0), percent(used, limit.0))
        }
        None => format!("{}, and it has no limit", size(used)),
    };
    let left = signed_size(report.ledger.unaccounted);
    let all = cgroup.charged().0;
    if all > used {
        let others = match cgroup.limit {
            Some(limit) => format!("({} of its limit of {})", percent(used, limit.0), size(limit.0)),
            None => "(it has no limit)".to_owned(),
        };
        return format!(
            "Cgroup {path} uses {}: {} for its sockets, which version 1 counts apart, and {} for everything else \
             {others}, of which {left} is in none of its counters.",
            size(all),
            size(all - used),
            size(used)
        );
    }
    format!("Cgroup {path} uses {usage}; {left} of it is in none of its counters.")
}

/// Its limits, what it suffers, its sockets.
pub(super) fn sentences(cgroup: &CgroupMemory) -> Vec<String> {
    let mut sentences = vec![pressure(cgroup)];
    let hits = cgroup.limit_hits.map(|n| format!("it met its limit {}", count(n, "time")));
    let kills = cgroup.oom_kills.map(|n| format!("{} for want of memory", count(n, "kill")));
    let suffered: Vec<String> = hits.into_iter().chain(kills).collect();
    if !suffered.is_empty() {
        sentences.push(format!("So far {}.", suffered.join(", ")));
    }
    if let Some(high) = cgroup.high {
        sentences.push(format!("It is slowed down above {} (memory.high).", size(high.0)));
    }
    let sock = cgroup.sock.map_or_else(|| "?".to_owned(), |sock| size(sock.0));
    sentences.push(format!(
        "Its sockets are charged {sock}. That is what the kernel accounts for packets; the rest of the pages that \
         TCP and UDP pin is charged to no cgroup: skcheck mem shows the whole host's."
    ));
    sentences
}

fn pressure(cgroup: &CgroupMemory) -> String {
    let Some(Pressure { some, full, .. }) = cgroup.pressure else {
        return "How long its tasks wait for memory is unknown (version 2 with PSI tells it).".to_owned();
    };
    let [short, middle, long] = some;
    let all = full[0];
    format!(
        "Its tasks waited for memory {} of the last 10 s ({} of 60 s, {} of 300 s), all of them at once {}.",
        hundredths(short),
        hundredths(middle),
        hundredths(long),
        hundredths(all)
    )
}

/// Hundredths of a percent.
fn hundredths(share: u32) -> String {
    format!("{}.{:02} %", share / 100, share % 100)
}

#[cfg(test)]
mod tests {
    use skcheck_core::Bytes;

    use super::*;

    #[test]
    fn what_it_suffers() {
        let mut cgroup = CgroupMemory::default();
        assert_eq!(sentences(&cgroup).len(), 2, "unknown pressure and sockets are said");
        assert!(sentences(&cgroup)[1].starts_with("Its sockets are charged ?."));
        let mut pressure = Pressure::default();
        (pressure.some, pressure.full) = ([1234, 50, 0], [400, 0, 0]);
        cgroup.pressure = Some(pressure);
        cgroup.limit_hits = Some(1);
        cgroup.oom_kills = Some(0);
        cgroup.sock = Some(Bytes(4096));
        cgroup.high = Some(Bytes(1 << 30));
        assert_eq!(cgroup.charged(), Bytes(0), "version 2 has them in its usage");
        let text = sentences(&cgroup).join(" ");
        for told in [
            "12.34 % of the last 10 s (0.50 % of 60 s, 0.00 % of 300 s), all of them at once 4.00 %",
            "it met its limit 1 time, 0 kills for want of memory",
            "slowed down above 1 GiB",
            "charged 4 KiB.",
        ] {
            assert!(text.contains(told), "{told} in {text}");
        }
    }
}
