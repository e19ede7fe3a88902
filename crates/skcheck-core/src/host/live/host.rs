//! What is read of the running kernel.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{FileType, OFlags, RawDir};
use rustix::io::Errno;

use crate::host::diag::Diag;
use crate::host::live::conversation::LiveConversation;
use crate::host::live::files::{Live, PROC};
use crate::host::live::lanes;
use crate::host::seam::Host;
use crate::host::sight::{Looking, Sight};
use crate::model::netns::NetnsFile;
use crate::model::units::PageSize;
use crate::procfs::number::parse_number;

/// Longest link target that [`Host::fd_links`] hands on; `socket:[4294967295]` has 19 bytes.
const LINK_TARGET: usize = 63;

impl Host for Live {
    fn diag(&self, netns: Option<&NetnsFile>) -> io::Result<Box<dyn Diag + '_>> {
        Ok(Box::new(LiveConversation::open(self, netns)?))
    }

    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        let dir = self.open(Path::new(&format!("{PROC}/{pid}/fd")), OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut buffer = Vec::with_capacity(32 * 1024);
        let mut entries = RawDir::new(&dir, buffer.spare_capacity_mut());
        let mut target = [const { std::mem::MaybeUninit::uninit() }; LINK_TARGET];
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let Some(fd) = parse_number(entry.file_name().to_bytes()) else { continue };
            match rustix::fs::readlinkat_raw(&dir, entry.file_name(), &mut target) {
                Ok((target, _)) => on_link(fd, target),
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn shares_descriptors(&self, pid: u32, tid: u32) -> io::Result<bool> {
        let same_files = self.same_files.ok_or(io::ErrorKind::Unsupported)?;
        // The kernel takes ids as this process's pid namespace numbers them.
        if !self.shows_own_pids() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        same_files(pid, tid)
    }

    fn look_at_each(&self, pids: &[u32], at: Looking, on_sight: &mut dyn FnMut(u32, Sight<'_>)) {
        lanes::look_at_each(self, pids, at, on_sight);
    }

    fn shows_own_pids(&self) -> bool {
        let Ok(shown) = std::fs::read_link(self.proc.join("self")) else { return true };
        parse_number(shown.as_os_str().as_encoded_bytes()) == Some(std::process::id())
    }

    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        let file = std::fs::File::from(self.open(path, OFlags::RDONLY)?);
        io::Read::read_to_end(&mut io::Read::take(file, limit), into).map(drop)
    }

    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let file = self.open(path, OFlags::RDONLY)?;
        Ok(rustix::io::retry_on_intr(|| rustix::io::pread(&file, &mut *into, offset))?)
    }

    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.entries(path, &mut |name, _, _| on_entry(name))
    }

    fn subdirectories(&self, path: &Path, on_directory: &mut dyn FnMut(&[u8], u64)) -> io::Result<()> {
        self.entries(path, &mut |name, inode, kind| {
            if kind == FileType::Directory {
                on_directory(name, inode);
            }
        })
    }

    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        if let Some(path) = self.in_proc(path) {
            return Ok(std::fs::read_link(path)?.into_os_string().into_encoded_bytes());
        }
        let link = self.open(path, OFlags::PATH | OFlags::NOFOLLOW)?;
        Ok(rustix::fs::readlinkat(link, "", Vec::new())?.into_bytes())
    }

    fn inode(&self, path: &Path) -> io::Result<u64> {
        match self.in_proc(path) {
            Some(path) => Ok(rustix::fs::stat(&*path)?.st_ino),
            None => Ok(rustix::fs::fstat(self.open(path, OFlags::PATH)?)?.st_ino),
        }
    }

    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        let mut value = [0; 256];
        let length = match self.in_proc(path) {
            Some(path) => rustix::fs::getxattr(&*path, name, &mut value)?,
            None => {
                rustix::fs::fgetxattr(self.open(path, OFlags::RDONLY | OFlags::NONBLOCK)?, name, &mut value)?
            }
        };
        Ok(value.get(..length).unwrap_or_default().to_vec())
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        let family = rustix::net::AddressFamily::UNIX;
        let socket = rustix::net::socket(family, rustix::net::SocketType::DGRAM, None)?;
        Ok(rustix::net::netdevice::index_to_name(&socket, index)?)
    }

    fn page_size(&self) -> PageSize {
        PageSize(rustix::param::page_size() as u64)
    }

    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
