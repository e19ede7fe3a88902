//! A made-up host in a directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use crate::host::Host;
use crate::host::live::Live;

struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    fn new() -> io::Result<Tree> {
        let tree = Tree { dir: tempfile::tempdir()? };
        tree.write("proc/42/comm", "nginx\n")?;
        tree.write("host/boot/config-6.1", "CONFIG_X=y\n")?;
        fs::create_dir_all(tree.path("proc/42/fd"))?;
        symlink("socket:[77]", tree.path("proc/42/fd/3"))?;
        symlink("/dev/null", tree.path("proc/42/fd/10"))?;
        Ok(tree)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn write(&self, below: &str, text: &str) -> io::Result<()> {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap_or(self.dir.path()))?;
        fs::write(path, text)
    }

    fn live(&self) -> Live {
        Live::with_roots(self.path("host"), self.path("proc"))
    }
}

fn read(live: &Live, path: &str) -> io::Result<String> {
    let mut file = Vec::new();
    live.read(Path::new(path), &mut file)?;
    Ok(String::from_utf8_lossy(&file).into_owned())
}

#[test]
fn files_are_below_their_roots() -> io::Result<()> {
    let tree = Tree::new()?;
    let live = tree.live();
    assert_eq!(read(&live, "/proc/42/comm")?, "nginx\n");
    assert_eq!(read(&live, "/boot/config-6.1")?, "CONFIG_X=y\n");
    let mut beginning = Vec::new();
    live.read_limited(Path::new("/proc/42/comm"), 3, &mut beginning)?;
    assert_eq!(beginning, b"ngi");
    // The real host has these.
    for path in ["/proc/1/comm", "/proc/version", "/etc/passwd"] {
        assert_eq!(
            read(&live, path).err().map(|error| error.kind()),
            Some(io::ErrorKind::NotFound),
            "{path}"
        );
    }
    // A name that only begins like /proc is not below it.
    tree.write("host/procedure", "1")?;
    assert_eq!(read(&live, "/procedure")?, "1");
    Ok(())
}

#[test]
fn directories_and_links_are_below_their_roots() -> io::Result<()> {
    let tree = Tree::new()?;
    let live = tree.live();
    let mut fds = BTreeMap::new();
    live.fd_links(42, &mut |fd, target| {
        fds.insert(fd, target.to_vec());
    })?;
    assert_eq!(fds, BTreeMap::from([(3, b"socket:[77]".to_vec()), (10, b"/dev/null".to_vec())]));
    assert_eq!(live.read_link(Path::new("/proc/42/fd/3"))?, b"socket:[77]");
    let mut names = Vec::new();
    live.read_dir(Path::new("/proc"), &mut |name| names.push(name.to_vec()))?;
    assert_eq!(names, [b"42"]);
    names.clear();
    live.read_dir(Path::new("/"), &mut |name| names.push(name.to_vec()))?;
    assert_eq!(names, [b"boot"]);
    let mut found = Vec::new();
    live.subdirectories(Path::new("/proc/42"), &mut |name, inode| found.push((name.to_vec(), inode)))?;
    assert_eq!(found, [(b"fd".to_vec(), fs::metadata(tree.path("proc/42/fd"))?.ino())]);
    assert_eq!(live.inode(Path::new("/boot"))?, fs::metadata(tree.path("host/boot"))?.ino());
    assert_eq!(live.inode(Path::new("/proc/42"))?, fs::metadata(tree.path("proc/42"))?.ino());
    Ok(())
}

#[test]
fn symbolic_links_stay_on_the_host() -> io::Result<()> {
    let tree = Tree::new()?;
    let live = tree.live();
    tree.write("host/data/log/pods/x", "")?;
    tree.write("host/etc/passwd", "theirs")?;
    fs::create_dir_all(tree.path("host/var"))?;
    symlink("/data/log", tree.path("host/var/log"))?;
    symlink("/etc/passwd", tree.path("host/var/absolute"))?;
    symlink("../../../../../../../../etc/passwd", tree.path("host/var/relative"))?;
    let mut names = Vec::new();
    live.read_dir(Path::new("/var/log/pods"), &mut |name| names.push(name.to_vec()))?;
    assert_eq!(names, [b"x"]);
    assert_eq!(read(&live, "/var/absolute")?, "theirs");
    assert_eq!(read(&live, "/var/relative")?, "theirs");
    assert_eq!(live.inode(Path::new("/var/absolute"))?, fs::metadata(tree.path("host/etc/passwd"))?.ino());
    assert_eq!(live.read_link(Path::new("/var/log"))?, b"/data/log");
    Ok(())
}

#[test]
fn a_proc_that_does_not_show_the_scanner_is_not_asked_for_it() -> io::Result<()> {
    let tree = Tree::new()?;
    let live = tree.live();
    assert_eq!(
        live.read_link(Path::new("/proc/self/ns/net"))?,
        fs::read_link("/proc/self/ns/net")?.into_os_string().into_encoded_bytes()
    );
    assert!(read(&live, "/proc/net/sockstat")?.contains("sockets: used"));
    assert!(!live.diag(None)?.sockstat().is_empty());
    tree.write("proc/net/sockstat", "theirs")?;
    tree.write("proc/self/comm", "theirs")?;
    assert_eq!(read(&live, "/proc/net/sockstat")?, "theirs");
    assert_eq!(read(&live, "/proc/self/comm")?, "theirs");
    Ok(())
}

#[test]
fn a_piece_of_a_file_is_read_from_where_it_begins() -> io::Result<()> {
    let tree = Tree::new()?;
    tree.write("proc/kpageflags", "0123456789")?;
    let live = tree.live();
    for (offset, room, piece) in
        [(0, 4, "0123"), (3, 4, "3456"), (8, 4, "89"), (10, 4, ""), (1 << 40, 4, ""), (2, 0, "")]
    {
        let mut into = vec![0; room];
        let length = live.read_at(Path::new("/proc/kpageflags"), offset, &mut into)?;
        assert_eq!(into.get(..length), Some(piece.as_bytes()), "from {offset} on");
    }
    let missing = live.read_at(Path::new("/proc/nothing"), 0, &mut [0; 8]);
    assert_eq!(missing.map_err(|error| error.kind()), Err(io::ErrorKind::NotFound));
    Ok(())
}

/// What a [`Host`] does that leaves `subdirectories` to the trait.
struct Plain(Live);

impl Host for Plain {
    fn diag(
        &self,
        netns: Option<&crate::model::netns::NetnsFile>,
    ) -> io::Result<Box<dyn crate::host::Diag + '_>> {
        self.0.diag(netns)
    }
    fn fd_links(&self, pid: u32, on_link: &mut dyn FnMut(u32, &[u8])) -> io::Result<()> {
        self.0.fd_links(pid, on_link)
    }
    fn read_limited(&self, path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
        self.0.read_limited(path, limit, into)
    }
    fn read_at(&self, path: &Path, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(path, offset, into)
    }
    fn read_dir(&self, path: &Path, on_entry: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.0.read_dir(path, on_entry)
    }
    fn read_link(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.read_link(path)
    }
    fn inode(&self, path: &Path) -> io::Result<u64> {
        self.0.inode(path)
    }
    fn xattr(&self, path: &Path, name: &str) -> io::Result<Vec<u8>> {
        self.0.xattr(path, name)
    }
    fn interface_name(&self, index: u32) -> io::Result<String> {
        self.0.interface_name(index)
    }
    fn page_size(&self) -> crate::model::units::PageSize {
        self.0.page_size()
    }
    fn now(&self) -> std::time::SystemTime {
        self.0.now()
    }
}

#[test]
fn subdirectories_need_no_more_than_names_and_inodes() -> io::Result<()> {
    let tree = Tree::new()?;
    let mut found = Vec::new();
    let host = Plain(tree.live());
    host.subdirectories(Path::new("/proc/42"), &mut |name, inode| found.push((name.to_vec(), inode)))?;
    assert_eq!(found, [(b"fd".to_vec(), fs::metadata(tree.path("proc/42/fd"))?.ino())]);
    Ok(())
}
