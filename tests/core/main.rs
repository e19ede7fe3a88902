//! The library against the live kernel, recorded kernels and made-up ones.

#[path = "../support/mod.rs"]
mod support;

mod accept;
mod answers;
mod caps;
mod census;
mod churn;
mod closed;
mod families;
mod handshake;
mod holders;
mod hostile_mounts;
mod layout;
mod leaks;
mod locks;
mod made_up;
mod measured;
mod memory_books;
mod memory_cgroup;
mod memory_group;
mod memory_recorded;
mod missing_modules;
mod mptcp;
mod namespace_pairs;
mod namespace_scans;
mod namespaces;
mod narrow;
mod netlink;
mod other_tables;
mod ping;
mod privileges;
mod properties;
mod rare_holders;
mod raw;
mod recorded;
mod stand_ins;
mod tcp;
mod udp;
mod unix;
mod unix_names;
mod unix_pending;
mod verdict;
mod watch_cgroups;
mod watch_evidence;
mod watch_unprivileged;
