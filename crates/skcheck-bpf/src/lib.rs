//! The BPF engine of skcheck.

use std::io;

use skcheck_core::engine::{Engine, Found, Limits, Pass, Step, Target};
use skcheck_core::{Holder, Inode, Live, Query};

/// Looks into the kernel through BPF iterators.
#[derive(Debug)]
pub struct Bpf {
    _host: Live,
}

/// Why BPF cannot be used here.
#[derive(Debug, thiserror::Error)]
#[error("{context}")]
pub struct Error {
    context: String,
    remedy: String,
}

impl Error {
    /// What the reader can do about it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }
}

impl Bpf {
    /// Prepares the engine.
    ///
    /// # Errors
    /// When BPF may not be used, or the kernel lacks what it takes.
    pub fn load(host: &Live) -> Result<Bpf, Error> {
        Ok(Bpf { _host: host.clone() })
    }
}

impl Engine for Bpf {
    fn name(&self) -> &'static str {
        "bpf"
    }

    fn find(&self, _: &Query, _: &mut dyn FnMut(Found)) -> io::Result<Pass> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn holders(&self, _: &[Inode], _: &mut dyn FnMut(Inode, Holder)) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn walk(&self, _: &[Target<'_>], _: &Limits, _: &mut dyn FnMut(usize, Step<'_>)) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
