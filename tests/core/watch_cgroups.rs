//! What the probe tells of processes that their cgroup keeps from running.

use std::time::Duration;

use skcheck_core::watch::evidence::ProcessEvidence;

use crate::support::cgroup::{Frozen, Group, hierarchies};
use crate::support::child::Sleeper;
use crate::support::doing::Doing;
use crate::support::skip::{Skip, is_root, skip};
use crate::watch_evidence::{evidence, unread};

#[test]
fn frozen() {
    if !is_root() {
        return skip(Skip::NeedsRoot);
    }
    let all = hierarchies("freezer");
    assert!(!all.is_empty(), "no hierarchy can freeze");
    for hierarchy in all {
        let group = Group::new(&hierarchy, "frozen");
        let inner = group.below("inner");
        let (reader, _writer) = unread();
        let child = Sleeper::holding(reader);
        inner.take(child.pid());
        let thawed = evidence(child.pid(), |process| process.frozen == Some(false));
        assert_eq!((thawed.cgroup, thawed.missing.as_slice()), (None, &[][..]), "{hierarchy:?}");
        {
            let _frozen = Frozen::new(&group, &hierarchy);
            let found = evidence(child.pid(), |process| process.frozen == Some(true));
            assert_eq!(found.cgroup.as_deref(), Some(inner.path.as_bytes()), "{hierarchy:?}");
        }
        evidence(child.pid(), |process| process.frozen == Some(false));
    }
}

#[test]
fn out_of_quota() {
    if !is_root() {
        return skip(Skip::NeedsRoot);
    }
    let all = hierarchies("cpu");
    assert!(!all.is_empty(), "no hierarchy shares out CPU time");
    for hierarchy in all {
        let group = Group::new(&hierarchy, "quota");
        if hierarchy.version == 1 {
            group.write("cpu.cfs_quota_us", "5000");
        } else {
            let root = group.directory.parent().expect("the mount point");
            std::fs::write(root.join("cgroup.subtree_control"), "+cpu").expect("root may");
            group.write("cpu.max", "5000 100000");
        }
        let inner = group.below("inner");
        let (reader, _writer) = unread();
        let (child, _) = Doing::start("spin", reader);
        inner.take(child.pid());
        // The kernel counts a throttling when it begins, and its time when it has ended.
        let throttled =
            |process: &ProcessEvidence| process.quotas.iter().any(|it| it.throttling.time > Duration::ZERO);
        let first = evidence(child.pid(), throttled);
        // The quota is that of the one above its own, and the only one.
        let [quota] = &first.quotas[..] else { panic!("{first:?}") };
        assert_eq!(quota.cgroup.as_slice(), group.path.as_bytes(), "{first:?}");
        assert!((1..=quota.throttling.periods).contains(&quota.throttling.throttled), "{first:?}");
        let time = |process: &ProcessEvidence| process.quotas.first().map(|it| it.throttling.time);
        let later = evidence(child.pid(), |process| time(process) > time(&first));
        assert_eq!(later.quotas.first().map(|it| &it.cgroup), Some(&quota.cgroup));
    }
}
