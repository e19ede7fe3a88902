//! The BPF engine against the kernel that runs: every number is compared with what was made, or with
//! what another interface of the kernel says of the same socket.

#[path = "../support/census.rs"]
mod census;
mod measure;
#[path = "../../crates/skcheck-cli/src/stall.rs"]
#[allow(dead_code, unreachable_pub)] // the command needs the rest
mod stall;
mod stuck;
#[path = "../support/mod.rs"]
#[allow(dead_code)] // other tests need the rest
mod support;
mod tap;
mod turn;

mod both_engines;
mod closed;
mod drivers;
mod elsewhere;
mod error_queue;
mod first_packets;
mod handed_in;
mod hidden_holders;
mod known_holders;
mod layout;
mod limits;
mod many_unix;
mod mem;
mod named_process;
mod out_of_order;
mod packet_sockets;
mod page_census;
mod pieces;
mod ping;
mod queues;
mod sending;
mod shared;
mod sockmap;
mod stalled;
mod tcp;
mod udp;
mod unix;
mod unlocked;
mod zoo;
