//! Processes that hold sockets. They are this program again, and each ends when its parent does: its input
//! closes.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

/// First argument of this program as a holder of sockets.
pub(crate) const HOLD: &str = "__hold";

/// Sockets of one holder. Many hosts allow a process no more than 20,000 descriptors.
pub(crate) const PER_HOLDER: usize = 19_000;
/// A world has this many holders at least.
pub(crate) const HOLDERS: usize = 4;

/// A child that holds sockets.
pub(crate) struct Holder {
    child: std::cell::RefCell<Child>,
}

impl Holder {
    /// Starts the holders of so many sockets; each is ready when [`Self::wait_until_ready`] returns.
    pub(crate) fn start_all(sockets: usize, holders: usize) -> io::Result<Vec<Holder>> {
        // Pairs, so an even number; the first holder takes what is left over.
        let each = sockets.checked_div(holders).unwrap_or_default() / 2 * 2;
        let first = sockets.saturating_sub(each * holders.saturating_sub(1));
        (0..holders).map(|index| Holder::start(if index == 0 { first } else { each }, index)).collect()
    }

    fn start(sockets: usize, index: usize) -> io::Result<Holder> {
        let child = Command::new(std::env::current_exe()?)
            .args([HOLD, &sockets.to_string(), &index.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        Ok(Holder { child: child.into() })
    }

    pub(crate) fn wait_until_ready(&self) -> io::Result<()> {
        wait_until_ready(&mut self.child.borrow_mut())
    }
}

pub(crate) fn wait_until_ready(holder: &mut Child) -> io::Result<()> {
    let out = holder.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    if line.trim() == READY { Ok(()) } else { Err(io::Error::other("a holder has no sockets")) }
}

const READY: &str = "ready";

/// A holder: nine in ten of its sockets are ends of TCP connections over loopback, the others UDP
/// and unix. All idle.
pub(crate) fn hold(sockets: &str, index: &str) -> io::Result<()> {
    let sockets: usize = sockets.parse().map_err(io::Error::other)?;
    let index: u8 = index.parse().map_err(io::Error::other)?;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised)?;
    // An address of its own gives each holder a port range of its own.
    let address = Ipv4Addr::new(127, 0, 1, index);
    let unix_pairs = sockets / 40;
    let udp = sockets / 20 / 2 * 2;
    let tcp_pairs = (sockets - udp) / 2 - unix_pairs;
    let unix = (0..unix_pairs).map(|_| UnixStream::pair()).collect::<io::Result<Vec<_>>>()?;
    let udp = (0..udp).map(|_| UdpSocket::bind((address, 0))).collect::<io::Result<Vec<_>>>()?;
    let listener = TcpListener::bind((address, 0))?;
    let mut tcp = Vec::with_capacity(2 * tcp_pairs);
    for _ in 0..tcp_pairs {
        tcp.push(TcpStream::connect(listener.local_addr()?)?);
        tcp.push(listener.accept()?.0);
    }
    drop(listener);
    hold_until_the_end((unix, udp, tcp))
}

/// Says that the sockets are there, and holds them until the parent is gone.
pub(crate) fn hold_until_the_end<T>(sockets: T) -> io::Result<()> {
    println!("{READY}");
    io::stdout().flush()?;
    wait_for_end();
    drop(sockets);
    Ok(())
}

/// Sleeps until the parent is gone.
pub(crate) fn wait_for_end() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> io::Result<()> {
    let status = Command::new(program).args(arguments).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{program}: {status}"))) }
}
