//! Containers: whose a process is, from its cgroup and from the kubelet's directories. Pure.

pub mod identity;
pub mod kubelet;
