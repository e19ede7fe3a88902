//! Sockets that processes open and never release: very many open ones, and those that are in no table of the
//! kernel.
//!
//! A socket that is in no table does nothing any more, or nothing yet: a TCP connection that both sides have
//! closed or that was reset, one that never connected, a UDP socket that is bound to no port, a netlink
//! socket that is bound to no portid. It keeps its descriptor and its memory, and no list of sockets shows
//! it. Whether it was ever used, cannot be told from outside.
//!
//! ```no_run
//! use skcheck_core::{Live, leaks};
//!
//! let host = Live::new();
//! let first = leaks::look(&host, leaks::Thresholds::default())?;
//! std::thread::sleep(leaks::PAUSE);
//! for leaked in first.again().leaked {
//!     println!("{} holds {} of {}", leaked.pid, leaked.sockets, leaked.table);
//! }
//! # Ok::<(), skcheck_core::Error>(())
//! ```

pub(crate) mod classes;
pub(crate) mod counts;
pub(crate) mod look;
pub(crate) mod report;

pub use crate::leaks::look::{FirstLook, look};
pub use crate::leaks::report::{Apart, Below, Leaked, Leaks, OpenSockets, PAUSE, Thresholds};
