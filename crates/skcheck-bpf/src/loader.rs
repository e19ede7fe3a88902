//! What loads the objects, and what it tells them of this kernel.

use std::io;
use std::sync::OnceLock;

use aya::EbpfLoader;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use skcheck_core::host::Release;

/// What the programs are told before they are loaded: a global each.
struct Globals {
    page_shift: u32,
    hz: u32,
    bound_is_listed: u32,
}

/// A loader borrows them.
static GLOBALS: OnceLock<Globals> = OnceLock::new();

impl Globals {
    /// Those of the running kernel.
    fn of_this_kernel() -> Globals {
        let release = rustix::system::uname();
        let bound_is_listed = Release::of(release.release().to_bytes()) >= Some(Release::new(6, 8));
        Globals {
            page_shift: rustix::param::page_size().trailing_zeros(),
            hz: hz(),
            bound_is_listed: bound_is_listed.into(),
        }
    }

    fn named(&self) -> [(&'static str, &u32); 3] {
        [("page_shift", &self.page_shift), ("hz", &self.hz), ("bound_is_listed", &self.bound_is_listed)]
    }
}

/// How many jiffies make a second: the coarse clock moves once a jiffy.
fn hz() -> u32 {
    let tick = rustix::time::clock_getres(rustix::time::ClockId::MonotonicCoarse).tv_nsec;
    u32::try_from((1_000_000_000 + tick / 2).checked_div(tick).unwrap_or(0)).unwrap_or(0).max(1)
}

/// A loader, which to begin with parses the kernel's BTF as a whole, each type an object: most of the time and of the
/// memory that loading takes, for nothing where it is given another.
pub(crate) fn new() -> EbpfLoader<'static> {
    with_globals(EbpfLoader::new())
}

fn with_globals(mut loader: EbpfLoader<'static>) -> EbpfLoader<'static> {
    for (name, value) in GLOBALS.get_or_init(Globals::of_this_kernel).named() {
        // Not each object has each.
        loader.override_global(name, value, false);
    }
    loader
}

/// A loader that has not parsed anything, for a process that has one thread: while it is made, no file can be opened,
/// and it does without (`Btf::from_sys_fs`).
pub(crate) fn without_btf() -> EbpfLoader<'static> {
    // Nothing else may happen meanwhile: even what a page's size is may be read from a file (/proc/self/auxv).
    let closed = NoNewFiles::begin();
    let loader = EbpfLoader::new();
    drop(closed);
    with_globals(loader)
}

/// While it is there, this process opens no files: its limit of descriptors is 0.
struct NoNewFiles(Rlimit);

impl NoNewFiles {
    fn begin() -> io::Result<NoNewFiles> {
        let usual = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), maximum: usual.maximum })?;
        Ok(NoNewFiles(usual))
    }
}

impl Drop for NoNewFiles {
    fn drop(&mut self) {
        // The hard limit has not changed, and the soft one may be set up to it.
        let _ = setrlimit(Resource::Nofile, self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects;

    /// A global that no object has would be left out without a word.
    #[test]
    fn each_global_is_in_an_object() {
        let globals = Globals::of_this_kernel();
        for has_loops in [true, false] {
            let objects = [objects::FIND, objects::WALK].map(|object| object.for_loops(has_loops));
            for (name, _) in globals.named() {
                let name = format!("\0{name}\0");
                let has = |object: &[u8]| object.windows(name.len()).any(|it| it == name.as_bytes());
                assert!(objects.iter().any(|object| has(object)), "{name:?}");
            }
        }
    }
}
