//! Who sits on unread socket data, and what memory that may pin.
//!
//! `skcheck-core` asks the kernel (NETLINK_SOCK_DIAG) for every TCP, MPTCP, UDP, UDP-Lite, raw, packet,
//! netlink, unix and vsock socket with its queues and memory numbers (/proc/net for ping sockets), maps sockets to
//! the processes and descriptors that hold them (/proc/PID/fd), and bounds the pages that their queues can pin.
//!
//! ```
//! use skcheck_core::{Live, Query, scan};
//!
//! // Everything with at least 1 MiB in Recv-Q, by process, the heaviest first.
//! let mut query = Query::default();
//! query.min_recv_q = Some(1 << 20);
//! let snapshot = scan(&Live::new(), &query)?;
//! for sum in snapshot.by_process() {
//!     let comm = sum.pid.and_then(|pid| snapshot.process(pid)?.comm.as_deref());
//!     println!("{comm:?} pid {:?}: {} charged, {} sockets", sum.pid, sum.charged.0, sum.sockets);
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
//! A dump is no photograph: the kernel's tables change while they are walked. Nothing here changes the host: no
//! signal, no write, no descriptor taken over.
//!
//! # Where what is
//!
//! Everything has one path. At the root are the calls, the host that they ask ([`Host`], [`Live`]), what [`scan`]
//! is asked ([`Query`]) and all that it answers ([`Snapshot`]), down to the last record. What belongs to another
//! topic is in that topic's module.
//!
//! A number has its unit in its type or its doc: bytes of payload are [`Payload`], bytes that the kernel charges
//! [`Truesize`], bytes of memory [`Bytes`]. What is not known is `None`, never 0. Records that grow with the
//! kernel are `#[non_exhaustive]`.
//!
//! The modules, in the order in which one would read them: [`host`] is the seam to the system, and how to ask it
//! without being held up, with [`host::worker`], what an engine that runs in a process of its own speaks with; [`engine`] that to what looks deeper; [`mod@memory`] tells who owns the host's memory,
//! [`verdict`] whether sockets explain what is missing; [`watch`] who does not read, and why; [`leaks`] finds sockets
//! that are never released; [`mod@packets`] looks into one socket.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

// The public modules, in the order in which one would read them.

pub mod host;

pub mod engine;

pub mod memory;

pub mod verdict;

pub mod watch;

pub mod leaks;

pub mod packets;

#[doc(hidden)]
pub mod testing;

// The others, by name.

mod cgroup;
mod collect;
mod container;
mod diag;
mod exact;
mod footprint;
mod glob;
mod holders;
mod join;
mod model;
mod occupancy;
mod procfs;
mod snapshot;

// The calls.
pub use join::scan::{scan, scan_in_parts, scan_with};
pub use memory::host_memory::memory;
pub use packets::walk::packets;

// Whom they ask, and for what.
pub use host::live::Live;
pub use host::seam::Host;
pub use model::error::{Error, ErrorKind};
pub use model::query::Query;

// What a scan answers.
pub use collect::scanned::{Scanned, Source};
pub use exact::{Agreement, Blocks, Exact, HandedIn, NotMeasured, QueueExact};
pub use footprint::{Certainty, Footprint, HostFacts, Side, Worst, WorstBasis};
pub use model::container::{Container, Runtime};
pub use model::direction::Direction;
pub use model::endpoint::Endpoint;
pub use model::families::protocol_set::Protocols;
pub use model::gap::{Gap, Missing};
pub use model::holder::{Holder, Via};
pub use model::netns::{Netns, NetnsChoice, NetnsFile, NetnsId};
pub use model::place::{NetnsName, Place, ProcessName};
pub use model::process::Process;
pub use model::protocol::{Family, Protocol};
pub use model::queues::{RecvQueue, SendQueue, UnixQueue};
pub use model::ring::{Fill, Oldest, Ring, Rings, Unit};
pub use model::skmem::SkMem;
pub use model::socket::{Cookie, Inode, Mptcp, Shutdown, Socket, SocketName};
pub use model::state::State;
pub use model::table::{IpVersion, Table};
pub use model::tcp::{TcpInfo, Timer};
pub use model::units::{Bytes, Connections, PageSize, Pages, Payload, Truesize};
pub use occupancy::Occupancy;
pub use snapshot::{Cap, Holding, ProcessSum, RunningTotals, Snapshot, SocketEntry, Totals, Waiter};
