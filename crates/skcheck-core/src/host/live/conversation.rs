//! A conversation with NETLINK_SOCK_DIAG of the running kernel.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::Path;

use crate::diag::transport::DiagSocket;
use crate::host::diag::Diag;
use crate::host::live::files::{Live, PROC};
use crate::model::netns::NetnsFile;

/// A conversation with the running kernel, and the way to the namespace that it is held in.
pub(super) struct LiveConversation<'l> {
    live: &'l Live,
    netns: Option<NetnsFile>,
    socket: DiagSocket,
}

impl<'l> LiveConversation<'l> {
    pub(super) fn open(live: &'l Live, netns: Option<&NetnsFile>) -> io::Result<LiveConversation<'l>> {
        let socket = match netns {
            None => live.open_diag()?,
            // A netlink socket keeps the namespace it was made in, so only its making has to be there.
            Some(file) => live.within_file(file, Live::open_diag)?,
        };
        Ok(LiveConversation { live, netns: netns.cloned(), socket })
    }
}

impl Diag for LiveConversation<'_> {
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()> {
        self.socket.ask(request, on_datagram)
    }

    fn sockstat(&self) -> &[u8] {
        self.socket.sockstat()
    }

    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        let Some(netns) = &self.netns else { return self.live.proc_net(name) };
        let name = name.to_owned();
        self.live.within_file(netns, move |live| live.proc_net(&name))
    }

    fn interface_name(&self, index: u32) -> io::Result<String> {
        // Any socket will do: it is asked about its namespace, not about itself.
        Ok(rustix::net::netdevice::index_to_name(self.socket.as_fd(), index)?)
    }
}

impl Live {
    /// Opens a socket in the calling thread's network namespace, and reads what that holds.
    fn open_diag(&self) -> io::Result<DiagSocket> {
        let mut sockstat = Vec::new();
        for name in ["sockstat", "sockstat6"] {
            sockstat.extend(self.proc_net(name).unwrap_or_default());
        }
        DiagSocket::open(sockstat)
    }

    /// Reads a file of /proc/net as the calling thread's network namespace shows it: it has to be this very
    /// thread's, which a mounted /proc may not show.
    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        let file = Path::new("thread-self/net").join(name);
        std::fs::read(Path::new(PROC).join(&file)).or_else(|_| std::fs::read(self.proc.join(&file)))
    }
}
