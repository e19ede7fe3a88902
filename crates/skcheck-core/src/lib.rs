//! Who sits on unread socket data, and what memory that may pin.
//!
//! `skcheck-core` asks the kernel (NETLINK_SOCK_DIAG) for every TCP, MPTCP, UDP, raw, packet, netlink and
//! unix socket with its queues and memory numbers, maps sockets to the processes and descriptors that hold
//! them (/proc/PID/fd), and bounds the pages that their queues can pin.
//!
//! ```
//! use skcheck_core::{Live, Query, scan};
//!
//! // Everything with at least 1 MiB in Recv-Q.
//! let mut query = Query::default();
//! query.min_recv_q = Some(1 << 20);
//! let snapshot = scan(&Live::new(), &query)?;
//! for report in &snapshot.sockets {
//!     for holder in &report.holders {
//!         let comm = snapshot.process(holder.pid).and_then(|process| process.comm.as_deref());
//!         println!("{:?} pid {} fd {}: {:?}", comm, holder.pid, holder.fd, report.footprint.received);
//!     }
//! }
//! // What could not be seen is data, never a silent zero.
//! for gap in &snapshot.gaps {
//!     println!("not seen: {gap}; {}", gap.remedy);
//! }
//! # Ok::<(), skcheck_core::Error>(())
//! ```
//!
//! # Privileges
//!
//! Any user sees all sockets of the own network namespace; the others need CAP_SYS_ADMIN. Holders of other
//! users' sockets need root, or CAP_SYS_PTRACE (and CAP_DAC_READ_SEARCH); what is missing is in
//! [`Snapshot::gaps`].
//!
//! A scanner in a container needs the host's /proc and root mounted, and says where they are with
//! [`Live::with_roots`]; its processes then carry the container and the pod that their cgroups and the
//! kubelet's directories tell. `docs/daemonset.yaml` is a pod with the least that works.
//!
//! # Limits
//!
//! A dump is no photograph: the kernel's tables change while they are walked. Nothing here changes
//! the host: no signal, no
//! write, no descriptor taken over.
//!
//! # Modules
//!
//! [`units`], [`socket`] and [`endpoint`] are the words; [`query`] asks, [`snapshot`] answers; [`footprint`]
//! is the model behind `worst`, [`exact`] what was measured instead; [`container`] tells whose a process is;
//! [`leaks`] finds sockets that are never released; [`host`] is the seam to the system, [`engine`] that to
//! what looks deeper; [`diag`] knows the wire.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod units;

pub mod error;
pub mod gap;

pub mod endpoint;
pub mod mptcp;
pub mod queues;
pub mod ring;
pub mod room;
pub mod skmem;
pub mod socket;
pub mod state;
pub mod tcp;

pub mod footprint;
pub mod query;
pub mod snapshot;

pub mod container;
pub mod diag;
pub mod engine;
pub mod exact;
pub mod facts;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod glob;
pub mod holders;
pub mod host;
pub mod leaks;
pub mod memory;
pub mod namespaces;
pub mod packets;
pub mod proc_net;
pub mod process;
pub mod verdict;
pub mod watch;

pub use container::cgroup::Cgroup;
pub use container::{Container, Runtime};
pub use endpoint::Endpoint;
pub use engine::Engine;
pub use error::{Error, ErrorKind};
pub use exact::{Agreement, Blocks, Exact, HandedIn, NotMeasured, QueueExact};
pub use footprint::{Certainty, Footprint, HostFacts, Side, Worst, WorstBasis};
pub use gap::{Gap, Missing};
pub use holders::{Holder, Via};
pub use host::{Diag, Host, Live, NetnsFile};
pub use memory::{Memory, memory};
pub use mptcp::Mptcp;
pub use namespaces::{Netns, NetnsChoice, NetnsId};
pub use packets::packets;
pub use process::Process;
pub use query::Query;
pub use ring::{Fill, Ring, Rings};
pub use room::Room;
pub use skmem::SkMem;
pub use snapshot::{Cap, Holding, Report, Scanned, Snapshot, Source, Totals, Waiter, scan, scan_with};
pub use socket::{Cookie, Family, Inode, Protocol, RecvQueue, SendQueue, Shutdown, Socket, State};
pub use tcp::{TcpInfo, Timer};
pub use units::{Bytes, Connections, PageSize, Pages, Payload, Truesize};
pub use verdict::Verdict;
