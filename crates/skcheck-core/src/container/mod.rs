//! Containers: whose a process is, from its cgroup and from the kubelet's directories. Pure.

pub(crate) mod identity;
pub(crate) mod kubelet;
