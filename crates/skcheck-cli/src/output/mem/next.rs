//! The commands for the next question.

use skcheck_core::verdict::{Code, VerdictReason};
use skcheck_core::{Holder, Via};

use crate::report::mem::{Hog, HostReport, MemReport, RowOwner, Scope};

/// The commands, the most useful first.
pub(super) fn next(report: &MemReport<'_>, is_root: bool) -> Vec<String> {
    match &report.scope {
        Scope::Host(host) => of_host(report, host, is_root),
        Scope::Cgroup(cgroup) => {
            let its_sockets = quoted(&[&cgroup.path[..], b"*"].concat())
                .map(|path| format!("skcheck --cgroup {path} (its sockets, and who holds them)"));
            its_sockets.into_iter().chain(["skcheck mem (the whole host)".to_owned()]).collect()
        }
    }
}

fn of_host(report: &MemReport<'_>, host: &HostReport<'_>, is_root: bool) -> Vec<String> {
    let verdict = host.verdict;
    let mut next = Vec::new();
    if let Some(holder) = verdict.suspects.first().and_then(|suspect| suspect.holder)
        && matches!(verdict.code, Code::Explains | Code::Could | Code::Partly)
    {
        let Holder { pid, fd, via, .. } = holder;
        if matches!(verdict.reason, VerdictReason::Walked(_)) && matches!(via, Via::Fd | Via::ThreadFd) {
            let task = holder.task();
            next.push(format!("skcheck packets {task} {fd} (its packets, and the pages that they pin)"));
        } else {
            next.push(format!("skcheck --exact --pid {pid} (measure its queues)"));
        }
        next.push(format!("skcheck watch --pid {pid} (does it read, and if not, why)"));
    }
    next.extend(report.hog().map(|(hog, _)| match hog {
        Hog::Slab => "slabtop -s c (which caches)".to_owned(),
        Hog::Vmalloc => "sort -k2 -n -r /proc/vmallocinfo (who called for it)".to_owned(),
    }));
    let is_missing = verdict.code != Code::None;
    if !is_root {
        next.push("sudo skcheck mem --pages (all sockets, and every page)".to_owned());
    } else if is_missing && host.census.is_none() {
        next.push("skcheck mem --pages (what every page is)".to_owned());
    }
    if is_missing && verdict.code == Code::Cannot {
        next.push("perf record -a -g -e kmem:mm_page_alloc sleep 10 (who allocates)".to_owned());
    }
    if next.is_empty() {
        let cached = |owner| report.rows().iter().find(|row| row.owner == owner).map_or(0, |row| row.bytes);
        next.push("skcheck (who sits on unread socket data)".to_owned());
        if cached(RowOwner::Applications) > cached(RowOwner::Free) {
            next.push("ps aux --sort=-rss (which programs are large)".to_owned());
        }
    }
    next
}

/// A name as a shell takes it; `None` where that would hurt a terminal.
fn quoted(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let is_safe = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_safe.then(|| format!("'{}'", name.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_for_a_shell() {
        assert_eq!(quoted(b"/a b").as_deref(), Some("'/a b'"));
        assert_eq!(quoted(br"/a\x2db").as_deref(), Some(r"'/a\x2db'"));
        assert_eq!(quoted(b"/it's").as_deref(), Some(r"'/it'\''s'"));
        assert_eq!(quoted(b"/a\n"), None);
        assert_eq!(quoted(b"/\xff"), None);
    }
}
