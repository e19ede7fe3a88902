//! A conversation with NETLINK_SOCK_DIAG, as a host has it.

use std::io;
use std::ops::ControlFlow;

use crate::diag::decode::ends;
use crate::model::place::Place;

/// A conversation with NETLINK_SOCK_DIAG of one network namespace.
pub trait Diag {
    /// Sends one message and hands every datagram of the answer to `on_datagram`, until that
    /// breaks. A datagram may hold several netlink messages.
    ///
    /// # Errors
    /// The socket's own, `TimedOut` when the kernel falls silent, and `InvalidData` when a datagram
    /// was larger than the buffer (its beginning has been handed on). After an error the rest of
    /// the answer may still arrive: open a new conversation.
    fn ask(
        &mut self,
        request: &[u8],
        on_datagram: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<()>;

    /// Sends messages, and hands on every datagram of their answers with the place of its message. One that
    /// has no answer costs the others nothing.
    fn ask_each(&mut self, messages: &[Message], on_datagram: &mut dyn FnMut(usize, &[u8])) {
        for (at, message) in messages.iter().enumerate() {
            let _ = self.ask(&message.request, &mut |datagram| {
                on_datagram(at, datagram);
                if ends(&message.request, datagram) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
        }
    }

    /// The namespace's /proc/net/sockstat and /proc/net/sockstat6, one behind the other; empty
    /// where they cannot be read.
    fn sockstat(&self) -> &[u8];

    /// Another file of the namespace's /proc/net.
    ///
    /// # Errors
    /// The system's own; `Unsupported` where a host has no such files.
    fn proc_net(&self, name: &str) -> io::Result<Vec<u8>> {
        let _ = name;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The name of a network interface of the namespace.
    ///
    /// # Errors
    /// The system's own; `NotFound` or ENXIO when there is none with this index, `Unsupported` where a host
    /// does not know.
    fn interface_name(&self, index: u32) -> io::Result<String> {
        let _ = index;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A message to NETLINK_SOCK_DIAG.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Whom it is about, as a report names who does not answer.
    pub about: Place,
    /// The message.
    pub request: Vec<u8>,
}
