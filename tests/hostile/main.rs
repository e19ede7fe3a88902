//! Hosts on which something never answers: a process that keeps a socket's lock, a program that never
//! starts, a file system that is dead. Whatever is asked, the program answers in time, and ends.
//!
//! A situation is made by an unprivileged user where the kernel lets one, in namespaces of its own, and ends
//! by itself: see `inside`.

mod asked;
#[path = "../support/cgroup.rs"]
#[allow(dead_code)] // other tests need the rest
mod cgroup;
mod command;
mod contract;
mod document;
mod fuse;
mod inside;
mod memory;
mod role;
mod roles;
#[path = "../support/skip.rs"]
#[allow(dead_code)] // other tests need the rest
mod skip;
#[path = "../support/unique.rs"]
mod unique;
mod world;

mod command_lines;
mod epoll_sets;
mod file_systems;
mod innocent;
mod refused;
mod socket_locks;
mod starting;
