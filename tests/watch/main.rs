//! Situations made by small real programs: who reads, who does not, and why, as a watch judges it.
//! Each test first asserts that the kernel itself shows the situation that it is about.

mod control_group;
mod kernel;
mod look;
#[path = "../hostile/memory.rs"]
#[allow(dead_code)] // hostile programs need the rest
mod memory;
mod pairs;
mod program;
mod real;
mod role;
mod roles;
#[path = "../support/mod.rs"]
#[allow(dead_code)] // other tests need the rest
mod support;

mod accept;
mod arrival;
mod asking;
mod blocked;
mod chain;
mod datagrams;
mod dead_children;
mod epoll;
mod groups;
mod nginx;
mod pipes;
mod proxies;
mod rings;
mod silent;
mod soak;
mod stopped;
mod streams;
mod times;
mod unprivileged;
mod until;
mod workers;
mod writers;
