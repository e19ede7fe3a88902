//! Network namespaces.

use std::path::PathBuf;

use crate::model::container::Container;

/// A network namespace's inode number: `net:[N]`. Unique on the host while the namespace lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetnsId(pub u64);

/// A network namespace that a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Netns {
    /// Its inode number; `None` for the scanner's own where /proc does not tell it.
    pub id: Option<NetnsId>,
    /// Its name, as bytes: that of `ip netns`, where it has one.
    pub name: Option<Vec<u8>>,
    /// The container of the process with the lowest id in it; for a pod that is its sandbox. Looked
    /// for only where the namespace has no name and one of the reported sockets is in it.
    pub container: Option<Container>,
    /// Whether it is the namespace that the scanner runs in.
    pub own: bool,
    /// Ways to enter it; none for the scanner's own.
    pub(crate) files: Vec<NetnsFile>,
}

impl Netns {
    /// The scanner's own namespace.
    pub(crate) fn own(id: Option<NetnsId>) -> Netns {
        Netns { id, name: None, container: None, own: true, files: Vec::new() }
    }

    /// One that these files lead into.
    pub fn of_files(id: Option<NetnsId>, own: bool, files: Vec<NetnsFile>) -> Netns {
        Netns { own, files, ..Netns::own(id) }
    }

    /// Ways to enter it; none for the scanner's own.
    pub fn files(&self) -> &[NetnsFile] {
        &self.files
    }

    /// What to call it: its name, else its pod as `namespace/name` (or the pod's uid), else its
    /// container. `None` where nothing names it.
    pub fn label(&self) -> Option<Vec<u8>> {
        let container = || self.container.as_ref().and_then(|it| it.pod_label().or_else(|| it.label()));
        self.name.clone().or_else(container)
    }
}

/// Which namespaces a scan is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetnsChoice {
    /// Every one that can be found and entered.
    #[default]
    All,
    /// The scanner's own.
    Current,
    /// The one that this process is in.
    OfProcess(u32),
    /// The one that this file stands for (/run/netns/NAME, /proc/PID/ns/net).
    OfFile(PathBuf),
}

/// A file that stands for a network namespace: /proc/PID/ns/net, a bind mount, or a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetnsFile {
    /// A process's root (/proc/PID/root) that `path` lies below: its owner may put anything there, so
    /// no symbolic link is followed on the way. `None` where `path` is absolute.
    pub root: Option<PathBuf>,
    /// Where it is.
    pub path: PathBuf,
    /// The namespace's inode number that it must have; another means that it has been replaced.
    pub inode: u64,
}

impl NetnsFile {
    /// At this path of the own mount namespace.
    pub fn new(path: impl Into<PathBuf>, inode: u64) -> NetnsFile {
        NetnsFile { root: None, path: path.into(), inode }
    }

    /// The path of all of it.
    pub(crate) fn whole_path(&self) -> PathBuf {
        match &self.root {
            None => self.path.clone(),
            Some(root) => root.join(self.path.strip_prefix("/").unwrap_or(&self.path)),
        }
    }
}
