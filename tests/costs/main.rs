//! What a scan costs, in counts that do not jitter: allocations, memory and system calls for each
//! socket, descriptor, datagram and process. Each is the slope between worlds of different sizes,
//! so that what a scan costs at all falls out.

#[path = "../support/skip.rs"]
#[allow(dead_code)] // other tests need the rest
mod skip;
mod trace;
mod world;

mod allocations;
mod memory;
mod system_calls;
