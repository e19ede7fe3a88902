//! Looks into the kernel that runs through BPF iterators: an [`Engine`](skcheck_core::engine::Engine) for
//! `skcheck-core`.
//!
//! ```no_run
//! use skcheck_bpf::Bpf;
//! use skcheck_core::engine::Limits;
//! use skcheck_core::{Live, Query, scan_with};
//!
//! let host = Live::new();
//! let engine = Bpf::load(&host)?;
//! let snapshot = scan_with(&host, &Query::default(), Some(&engine), &Limits::default())?;
//! for report in &snapshot.sockets {
//!     if let Ok(exact) = &report.exact {
//!         println!("{:?} pins {}", report.socket.inode, exact.pinned);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The programs (`src/bpf/*.c`) only read: they attach to no event and change nothing; each runs while
//! its iterator is read, and is gone when this process ends. They are checked in compiled, so building
//! this crate takes neither clang nor libbpf; offsets come from the running kernel's BTF.
//!
//! # Privileges
//!
//! CAP_BPF and CAP_PERFMON; Linux 5.10 or newer with BTF (`CONFIG_DEBUG_INFO_BTF`). On 5.10 memory for maps and programs
//! counts against `RLIMIT_MEMLOCK`, which is lifted for the process where it has CAP_SYS_RESOURCE.

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod btf;
mod engine;
mod error;
mod find;
mod isolated;
mod kcmp;
mod loader;
mod maps;
mod objects;
mod pass;
mod records;
mod room;
mod stdio;
mod task_file;
mod walk;
mod walker;
mod wire;

pub use crate::engine::{Bpf, NAME};
pub use crate::error::{Error, Kind};
pub use crate::isolated::{Half, IsolatedBpf, StartProcess, serve};
pub use crate::kcmp::same_files;
pub use crate::stdio::{pass_on_none, stdout_was_closed};
