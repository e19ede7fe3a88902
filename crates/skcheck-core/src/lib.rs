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
//! The words are at the root: [`Socket`], [`Query`], [`Holder`], [`Gap`] and their parts. [`scan`] asks,
//! [`snapshot`] answers; [`footprint`] is the model behind `worst`, [`exact`] what was measured instead;
//! [`mod@memory`] tells who owns the host's memory, [`verdict`] whether sockets explain what is missing; [`watch`]
//! tells who does not read, and why; [`leaks`] finds sockets that are never released, [`mod@packets`] looks into one
//! socket; [`host`] is the seam to the system, [`engine`] that to what looks deeper.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod glob;
mod model;
pub mod procfs;

mod cgroup;
pub mod container;

pub mod engine;
pub mod exact;
pub mod footprint;
pub mod host;
pub mod occupancy;

mod collect;
mod diag;
mod holders;

pub mod memory;
pub mod snapshot;

pub mod leaks;
pub mod packets;
pub mod verdict;
pub mod watch;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[doc(hidden)]
pub mod testing;

pub use collect::scanned::{Scanned, Source};
pub use container::identity::Cgroup;
pub use engine::Engine;
pub use exact::agreement::Agreement;
pub use exact::{Blocks, Exact, HandedIn, NotMeasured, QueueExact};
pub use footprint::{Certainty, Footprint, HostFacts, Side, Worst, WorstBasis};
pub use host::live::Live;
pub use host::{Diag, Host};
pub use memory::{Memory, memory};
pub use model::container::{Container, Runtime};
pub use model::direction::Direction;
pub use model::endpoint::Endpoint;
pub use model::error::{Error, ErrorKind};
pub use model::gap::{Gap, Missing};
pub use model::holder::{Holder, Via};
pub use model::netns::{Netns, NetnsChoice, NetnsFile, NetnsId};
pub use model::place::{Place, ProcessName};
pub use model::process::Process;
pub use model::protocol::{Family, Protocol, Protocols};
pub use model::query::Query;
pub use model::queues::{RecvQueue, SendQueue, UnixQueue};
pub use model::ring::{Fill, Oldest, Ring, Rings, Unit};
pub use model::skmem::SkMem;
pub use model::socket::{Cookie, Inode, Mptcp, Shutdown, Socket};
pub use model::state::State;
pub use model::table::{IpVersion, Table};
pub use model::tcp::{TcpInfo, Timer};
pub use model::units::{Bytes, Connections, PageSize, Pages, Payload, Truesize};
pub use occupancy::Occupancy;
pub use packets::packets;
pub use snapshot::entry::{Holding, SocketEntry, Waiter};
pub use snapshot::report::Snapshot;
pub use snapshot::scan::{scan, scan_with};
pub use snapshot::totals::{Cap, Totals};
pub use verdict::Verdict;
