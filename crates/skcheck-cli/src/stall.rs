//! Makes a stalled reader on loopback: few unread bytes that pin very much memory.
//!
//! One thread alternately sends one byte to a reader that never reads, and the rest of a chunk to a reader
//! that drains. The kernel carves both from the same chunk of pages (the thread's `task_frag`), and
//! the unread byte keeps the whole chunk. A reader whose receive buffer is full would not do: the kernel
//! copies what waits there into as few packets as it can (`tcp_collapse`), and lets the chunks go. Most
//! kernels let the buffer grow first, but not those in which a packet has to fit as a whole (`tcp_can_ingest`
//! of Linux 6.17 to 6.19). So there are as many readers as it takes that none is full.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::sockopt;

/// The chunk that TCP carves a sender's packets from (`SKB_FRAG_PAGE_ORDER`), in bytes: 32 KiB, or one page where that
/// is more.
pub fn chunk() -> usize {
    rustix::param::page_size().max(32 * 1024)
}

/// More than any kernel charges for a packet of one byte.
const CHARGE: usize = 1280;

/// How long loopback may take to deliver what was written.
const ARRIVAL: Duration = Duration::from_secs(3);

/// Loopback connections that are never read, and one that is. Everything goes when this is dropped.
#[derive(Debug)]
pub struct StalledReader {
    /// The first end that never reads; the only one, where its buffer has room for all.
    pub reader: TcpStream,
    /// Its peer.
    pub writer: TcpStream,
    further: Vec<(TcpStream, TcpStream)>,
    drained: (TcpStream, TcpStream),
}

impl StalledReader {
    /// Connects, and leaves `fragments` unread bytes, each of which pins a chunk.
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn make(fragments: usize) -> io::Result<StalledReader> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let room = room(&listener, fragments)?;
        let (writer, reader) = pair(&listener)?;
        let drained = pair(&listener)?;
        let mut stalled = StalledReader { reader, writer, further: Vec::new(), drained };
        let mut rest = vec![0; chunk() - 1];
        for fragment in 0..fragments {
            if fragment > 0 && fragment % room == 0 {
                stalled.further.push(pair(&listener)?);
            }
            stalled.last_writer().write_all(&[0])?;
            stalled.drained.0.write_all(&rest)?;
            stalled.drained.1.read_exact(&mut rest)?;
        }
        stalled.wait_until_unread(fragments as u64)?;
        Ok(stalled)
    }

    fn last_writer(&self) -> &TcpStream {
        self.further.last().map_or(&self.writer, |(writer, _)| writer)
    }

    /// All ends that never read.
    pub fn readers(&self) -> impl Iterator<Item = &TcpStream> {
        std::iter::once(&self.reader).chain(self.further.iter().map(|(_, reader)| reader))
    }

    fn unread(&self) -> io::Result<u64> {
        self.readers().map(|reader| rustix::io::ioctl_fionread(reader).map_err(io::Error::from)).sum()
    }

    /// What was written is unread only when it has arrived.
    fn wait_until_unread(&self, bytes: u64) -> io::Result<()> {
        let deadline = Instant::now() + ARRIVAL;
        while self.unread()? < bytes {
            if Instant::now() > deadline {
                let message = format!("{bytes} bytes did not arrive on loopback within {ARRIVAL:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// Gives what will connect to a listener as much of a receive buffer as so many bytes take, or as much as
/// this user may have: for how many bytes it has room.
fn room(listener: &TcpListener, fragments: usize) -> io::Result<usize> {
    let wanted = fragments.saturating_mul(CHARGE);
    if sockopt::socket_recv_buffer_size(listener)? < wanted {
        // The kernel takes twice as much, up to net.core.rmem_max where the first call is not permitted.
        sockopt::set_socket_recv_buffer_size_force(listener, wanted)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(listener, wanted))?;
    }
    Ok((sockopt::socket_recv_buffer_size(listener)? / CHARGE).max(1))
}

/// The connecting and the accepted end of one connection, which sends at once.
fn pair(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream)> {
    let connecting = TcpStream::connect(listener.local_addr()?)?;
    connecting.set_nodelay(true)?;
    Ok((connecting, listener.accept()?.0))
}
