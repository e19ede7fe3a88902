//! Looks into the kernel that runs through BPF iterators: an [`Engine`] for `skcheck-core`.
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
//! CAP_BPF and CAP_PERFMON, and CAP_SYS_ADMIN to look into other network namespaces; Linux 5.17 or newer
//! with BTF (`CONFIG_DEBUG_INFO_BTF`).

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod btf;
mod error;
mod find;
mod pass;
mod walk;
mod wire;

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

use skcheck_core::engine::{Engine, Found, Limits, Pass, Step, Target};
use skcheck_core::{Holder, Inode, Live, Query};

use crate::btf::KernelBtf;

pub use crate::error::Error;

/// The BPF engine. Programs that look at descriptors are in the kernel from [`Bpf::load`] on, those that
/// walk queues from the first walk on, until this is dropped.
pub struct Bpf {
    host: Live,
    btf: KernelBtf,
    finder: Mutex<find::Finder>,
}

impl Bpf {
    /// Loads the programs that look at descriptors.
    ///
    /// # Errors
    /// When BPF may not be used, or the kernel lacks what it takes; [`Error::remedy`] says what helps.
    pub fn load(host: &Live) -> Result<Bpf, Error> {
        let btf = KernelBtf::read(&[find::OBJECT, walk::OBJECT]).map_err(|error| Error::no_btf(&error))?;
        let finder = Mutex::new(find::Finder::load(&btf)?);
        Ok(Bpf { host: host.clone(), btf, finder })
    }

    fn finder(&self) -> std::sync::MutexGuard<'_, find::Finder> {
        self.finder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Bpf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bpf").field("host", &self.host).finish_non_exhaustive()
    }
}

impl Engine for Bpf {
    fn name(&self) -> &'static str {
        "bpf"
    }

    fn find(&self, query: &Query, on_found: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        self.finder().find(query, on_found)
    }

    fn holders(&self, inodes: &[Inode], on_holder: &mut dyn FnMut(Inode, Holder)) -> io::Result<()> {
        self.finder().holders(&self.btf, inodes, on_holder)
    }

    fn walk(
        &self,
        targets: &[Target<'_>],
        limits: &Limits,
        on_step: &mut dyn FnMut(usize, Step<'_>),
    ) -> io::Result<bool> {
        walk::run(&self.host, &self.btf, targets, limits, on_step)
    }
}
