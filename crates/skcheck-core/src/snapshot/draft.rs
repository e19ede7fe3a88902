//! A socket that matches, before its holders are known.

use std::time::Instant;

use crate::engine::{Engine, Limits, PageKind};
use crate::exact::Blocks;
use crate::holders::listeners::Held;
use crate::model::netns::Netns;
use crate::model::process::Process;
use crate::model::socket::Socket;
use crate::snapshot::entry::SocketEntry;

pub(crate) struct Joined {
    pub sockets: Vec<SocketEntry>,
    /// The distinct blocks of pages that the measured ones pin.
    pub pages: Vec<(PageKind, Blocks)>,
    pub processes: Vec<Process>,
    pub namespaces: Vec<Netns>,
    /// An engine walked what there was to walk, if not all of it.
    pub walked: bool,
}

/// A socket that matches, before inodes have become holders.
pub(crate) struct Draft {
    /// Its namespace's place in the survey.
    pub netns: usize,
    pub socket: Socket,
    pub read_at: Instant,
    pub held: Held,
    pub peer: Option<Held>,
    pub peer_inferred: bool,
}

/// What looks deeper, and how deep.
#[derive(Clone, Copy)]
pub(crate) struct Depth<'a> {
    pub engine: &'a dyn Engine,
    pub limits: &'a Limits,
    /// It found the sockets, and can be asked for their holders.
    pub finds: bool,
}
