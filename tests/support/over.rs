//! The live host, but for some calls.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use skcheck_core::host::Diag;
use skcheck_core::{Host, Live, NetnsFile, PageSize};

/// What is other than on the live host: the calls that are overridden.
pub(crate) trait Differs: Sync {
    fn diag<'a>(&self, live: &'a Live, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + 'a>> {
        live.diag(netns)
    }
    fn fd_links(&self, live: &Live, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        live.fd_links(pid, on_link)
    }
    fn read_at(&self, live: &Live, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        live.read_at(path, offset, into)
    }
}

/// A host.
#[derive(Default)]
pub(crate) struct Over<D> {
    pub(crate) live: Live,
    pub(crate) differs: D,
}

impl<D: Differs> Host for Over<D> {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        self.differs.diag(&self.live, netns)
    }
    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        self.differs.fd_links(&self.live, pid, on_link)
    }
    fn shares_descriptors(&self, pid: u32, tid: u32) -> io::Result<bool> {
        self.live.shares_descriptors(pid, tid)
    }
    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        self.live.read_limited(path, limit, into)
    }
    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.differs.read_at(&self.live, path, offset, into)
    }
    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.live.read_dir(path, on_entry)
    }
    fn subdirectories(&self, path: &Path, on_directory: &mut dyn FnMut(&[u8], u64)) -> io::Result<()> {
        self.live.subdirectories(path, on_directory)
    }
    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.live.read_link(path)
    }
    fn inode(&self, path: &Path) -> io::Result<u64> {
        self.live.inode(path)
    }
    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        self.live.xattr(path, name)
    }
    fn interface_name(&self, index: u32) -> io::Result<String> {
        self.live.interface_name(index)
    }
    fn page_size(&self) -> PageSize {
        self.live.page_size()
    }
    fn now(&self) -> SystemTime {
        self.live.now()
    }
}
