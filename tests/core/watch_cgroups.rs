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
        let first = evidence(child.pid(), |process| process.throttling.is_some_and(|it| it.throttled > 0));
        // The quota is that of the one above its own.
        assert_eq!(first.cgroup.as_deref(), Some(group.path.as_bytes()), "{first:?}");
        let [quota] = &first.quotas[..] else { panic!("{first:?}") };
        assert_eq!(
            (Some(quota.throttling), quota.cgroup.as_slice()),
            (first.throttling, group.path.as_bytes())
        );
        assert!(
            quota.throttling.time > Duration::ZERO && quota.throttling.periods >= quota.throttling.throttled
        );
        let time = |process: &ProcessEvidence| process.throttling.map(|it| it.time);
        let later = evidence(child.pid(), |process| time(process) > time(&first));
        assert_eq!(later.cgroup, first.cgroup);
    }
}
