//! Makes a stalled reader on loopback: few unread bytes that pin very much memory.
//!
//! One thread alternately sends one byte to a reader that never reads, and the rest of a chunk to a
//! reader that drains. The kernel carves both from the same 32 KiB chunk of pages (the thread's
//! `task_frag`), and the unread byte keeps the whole chunk.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// The chunk that TCP carves a sender's packets from (`SKB_FRAG_PAGE_ORDER`), in bytes.
pub const CHUNK: usize = 32 * 1024;

/// How long loopback may take to deliver what was written.
const ARRIVAL: Duration = Duration::from_secs(3);

/// Two loopback connections, one of which is never read. Everything goes when this is dropped.
#[derive(Debug)]
pub struct StalledReader {
    /// The end that never reads.
    pub reader: TcpStream,
    /// Its peer.
    pub writer: TcpStream,
    drained: (TcpStream, TcpStream),
}

impl StalledReader {
    /// Connects, and leaves `fragments` unread bytes, each of which pins a chunk.
    ///
    /// # Errors
    /// Those of the sockets.
    pub fn make(fragments: usize) -> io::Result<StalledReader> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (writer, reader) = pair(&listener)?;
        let drained = pair(&listener)?;
        writer.set_nodelay(true)?;
        drained.0.set_nodelay(true)?;
        let mut stalled = StalledReader { reader, writer, drained };
        let mut rest = vec![0; CHUNK - 1];
        for _ in 0..fragments {
            stalled.writer.write_all(&[0])?;
            stalled.drained.0.write_all(&rest)?;
            stalled.drained.1.read_exact(&mut rest)?;
        }
        stalled.wait_until_unread(fragments as u64)?;
        Ok(stalled)
    }

    /// What was written is unread only when it has arrived.
    fn wait_until_unread(&self, bytes: u64) -> io::Result<()> {
        let deadline = Instant::now() + ARRIVAL;
        while rustix::io::ioctl_fionread(&self.reader)? < bytes {
            if Instant::now() > deadline {
                let message = format!("{bytes} bytes did not arrive on loopback within {ARRIVAL:?}");
                return Err(io::Error::new(io::ErrorKind::TimedOut, message));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// The connecting and the accepted end of one connection.
fn pair(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream)> {
    let connecting = TcpStream::connect(listener.local_addr()?)?;
    Ok((connecting, listener.accept()?.0))
}
