//! Buffers that are full, and what was dropped: in every answer, by the kernel's own books.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use serde_json::Value;

use crate::run::{json, run, skcheck, wait_until};

/// The words of the line in a file below /proc/net whose local address has this port.
fn line(file: &str, port: u16) -> Vec<String> {
    let local = format!(":{port:04X}");
    let file = std::fs::read_to_string(format!("/proc/net/{file}")).unwrap();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    let is_it = |words: &Vec<String>| words.get(1).is_some_and(|address| address.ends_with(&local));
    file.lines().map(words).find(is_it).unwrap()
}

/// What a UDP socket has dropped, as /proc/net/udp says.
fn dropped(port: u16) -> u64 {
    line("udp", port).last().unwrap().parse().unwrap()
}

fn udp() -> (UdpSocket, UdpSocket, u16) {
    let reader = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = reader.local_addr().unwrap().port();
    let writer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    writer.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    (reader, writer, port)
}

fn send(writer: &UdpSocket, datagrams: u32) {
    for _ in 0..datagrams {
        assert_eq!(writer.send(&[b'x'; 300]).unwrap(), 300);
    }
}

/// A UDP socket that nobody reads, and that has dropped something.
fn overrun() -> (UdpSocket, UdpSocket, u16) {
    let (reader, writer, port) = udp();
    wait_until("datagrams are dropped", || {
        send(&writer, 100);
        dropped(port) > 0
    });
    // What is on its way yet arrives, or is dropped, before anybody looks.
    let mut last = 0;
    wait_until("nothing is on its way", || {
        std::thread::sleep(Duration::from_millis(50));
        std::mem::replace(&mut last, dropped(port)) == dropped(port)
    });
    (reader, writer, port)
}

fn about(port: u16) -> String {
    format!("--pid {} --port {port}", std::process::id())
}

fn out(arguments: &str) -> String {
    let ran = run(&mut skcheck(arguments));
    assert!(ran.err.is_empty(), "{ran:?}");
    ran.out.split_whitespace().collect::<Vec<&str>>().join(" ")
}

/// The socket with this descriptor.
fn socket_of(report: &Value, fd: &impl AsFd) -> Value {
    let is_it = |holder: &Value| holder["fd"] == fd.as_fd().as_raw_fd();
    let sockets = report["sockets"].as_array().unwrap();
    let socket = sockets.iter().find(|it| it["holders"].as_array().unwrap().iter().any(is_it));
    socket.unwrap_or_else(|| panic!("{report:#}")).clone()
}

#[test]
fn a_udp_buffer_that_overflowed() {
    let (reader, _writer, port) = overrun();
    let drops = dropped(port);
    let were = if drops == 1 { "packet was".to_owned() } else { "packets were".to_owned() };
    let sentence = [" Its buffer is full (".to_owned(), format!("), and {drops} {were} dropped so far.")];
    let note = [" buffer full (".to_owned(), format!("), {drops} dropped")];
    let has = |told: &str, parts: &[String]| parts.iter().all(|part| told.contains(part));
    for engine in ["proc", "auto"] {
        let arguments = format!("--udp {} --engine {engine}", about(port));
        let socket = socket_of(&json(&arguments), &reader);
        assert_eq!((&socket["full"], &socket["skmem"]["drops"]), (&true.into(), &drops.into()), "{socket:#}");
        let watched = run(&mut skcheck(&format!("watch --for 1s --format jsonl {arguments}"))).out;
        let watched: Value = serde_json::from_str(watched.lines().last().unwrap()).unwrap();
        let watched = socket_of(&watched, &reader);
        assert_eq!((&watched["full"], &watched["skmem"]), (&socket["full"], &socket["skmem"]), "{watched:#}");
        assert_eq!((&watched["drops"], &watched["drops_per_s"]), (&0.into(), &0.into()), "{watched:#}");
        let told = out(&arguments);
        assert!(has(&told, &sentence) && has(&told, &note), "{told}");
        assert!(told.contains("Full: 1 receive buffer; dropped there so far: "), "{told}");
        let told = out(&format!("--stalled {arguments}"));
        assert!(has(&told, &sentence), "{told}");
        // Without the engine nothing tells that nobody reads.
        let is_known = engine == "auto" && rustix::process::geteuid().is_root();
        assert!(has(&told, &note) || !is_known, "{told}");
        let told = out(&format!("watch --for 1s {arguments}"));
        assert!(has(&told, &sentence) && !told.contains("DROPS/s"), "nothing is dropped now: {told}");
    }
    if rustix::process::geteuid().is_root() {
        let arguments = format!("packets {} {}", std::process::id(), reader.as_raw_fd());
        let told = out(&arguments);
        assert!(has(&told, &sentence), "{told}");
        let packets = json(&arguments);
        assert_eq!((&packets["full"], &packets["drops"]), (&true.into(), &drops.into()));
    }
}

/// A few datagrams that nobody has read yet.
#[test]
fn a_udp_buffer_with_room() {
    let (reader, writer, port) = udp();
    send(&writer, 3);
    wait_until("they arrive", || !line("udp", port)[4].ends_with(":00000000"));
    let report = json(&format!("--udp {}", about(port)));
    assert_eq!(socket_of(&report, &reader)["full"], false);
    for command in ["", "--stalled", "watch --for 1s"] {
        let told = out(&format!("{command} --udp {}", about(port)));
        assert!(!told.contains("full") && !told.contains(" dropped"), "{told}");
    }
}

#[test]
fn what_is_dropped_meanwhile_is_a_rate() {
    let (reader, writer, port) = overrun();
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                send(&writer, 5);
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let before = dropped(port);
        let arguments = format!("watch --udp {} --for 2s", about(port));
        let ran = run(&mut skcheck(&format!("{arguments} --format jsonl")));
        let documents: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let most = dropped(port) - before;
        let told = out(&arguments);
        ended.store(true, Ordering::Relaxed);
        let mut dropped = 0.0;
        for document in &documents {
            let rate = socket_of(document, &reader)["drops_per_s"].as_f64().unwrap();
            assert!(rate > 0.0, "{document:#}");
            dropped += rate.floor() * document["window_s"].as_f64().unwrap();
        }
        assert!(!documents.is_empty() && dropped <= most as f64 * 1.1, "{dropped} of {most}");
        assert!(told.contains("packets are dropped a second (") && told.contains("DROPS/s"), "{told}");
        assert!(told.contains("packets were dropped ("), "the summary: {told}");
    });
}

/// Writes until the writer probes a window that is shut (`tr` of /proc/net/tcp is 4: `ICSK_TIME_PROBE0`).
fn shut_window() -> (TcpStream, TcpStream, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    sockopt::set_socket_recv_buffer_size(&listener, 60_000).unwrap();
    let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let reader = listener.accept().unwrap().0;
    writer.set_nonblocking(true).unwrap();
    let port = writer.local_addr().unwrap().port();
    wait_until("the window is shut", || {
        while writer.write(&[b'x'; 4096]).is_ok() {}
        line("tcp", port)[5].starts_with("04:")
    });
    (writer, reader, port)
}

#[test]
fn a_window_that_is_shut() {
    let (writer, reader, port) = shut_window();
    // Only the engine, or the socket's lock, tells the window; it is root's.
    if rustix::process::geteuid().is_root() {
        let report = json(&format!("-t {} --engine bpf", about(port)));
        assert_eq!(socket_of(&report, &reader)["full"], true, "{report:#}");
        assert_eq!(socket_of(&report, &writer)["full"], false);
        let told = out(&format!("-t {} --engine bpf", about(port)));
        assert!(told.contains("buffer full (") && told.contains("Full: 1 receive buffer."), "{told}");
        let told = out(&format!("watch --for 1s -t {} --engine bpf", about(port)));
        assert!(told.contains("Its buffer is full ("), "{told}");
    }
}

/// A queue of accept with room for one more than its limit: the third connection attempt is dropped.
#[test]
fn an_accept_queue_that_overflowed() {
    let listening = |backlog| {
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        let socket = socket.unwrap();
        rustix::net::bind(&socket, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        rustix::net::listen(&socket, backlog).unwrap();
        TcpListener::from(socket)
    };
    let connect = |to: &TcpListener| {
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None);
        let socket = socket.unwrap();
        // EINPROGRESS: it is tried until somebody accepts.
        let _ = rustix::net::connect(&socket, &to.local_addr().unwrap());
        socket
    };
    let full = listening(1);
    let port = full.local_addr().unwrap().port();
    let _clients: Vec<_> = (0..4).map(|_| connect(&full)).collect();
    wait_until("two wait", || line("tcp", port)[4] == "00000000:00000002");
    let with_room = listening(64);
    let _clients: Vec<_> = (0..2).map(|_| connect(&with_room)).collect();
    let its_port = with_room.local_addr().unwrap().port();
    wait_until("two wait", || line("tcp", its_port)[4] == "00000000:00000002");

    let arguments = |port| format!("-t {}", about(port));
    let mut drops = 0;
    wait_until("it drops", || {
        let socket = socket_of(&json(&arguments(port)), &full);
        assert_eq!(socket["full"], true);
        drops = socket["skmem"]["drops"].as_u64().unwrap();
        drops > 0
    });
    let told = out(&arguments(port));
    let words =
        ["accept queue full (2, limit 1), ", " dropped", "Full: 1 accept queue; dropped there so far: "];
    words.iter().for_each(|words| assert!(told.contains(words), "{words}: {told}"));
    assert!(told.contains("connection attempt"), "{told}");
    assert_eq!(socket_of(&json(&arguments(its_port)), &with_room)["full"], false);
    let told = out(&arguments(its_port));
    assert!(!told.contains("full") && !told.contains("dropped"), "{told}");
}

/// Of a unix stream the sender has the limit.
#[test]
fn a_unix_sender_that_has_to_wait() {
    let (mut writer, reader) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    while writer.write(&[b'x'; 4096]).is_ok() {}
    let report = json(&format!("--unix --pid {}", std::process::id()));
    let (of_writer, of_reader) = (socket_of(&report, &writer), socket_of(&report, &reader));
    assert_eq!((&of_writer["send_full"], &of_reader["full"]), (&true.into(), &Value::Null));
    assert_eq!(of_reader["send_full"], false);
    let told = out(&format!("--unix --pid {} --by socket --top 0", std::process::id()));
    assert!(told.contains(" send buffer full ("), "{told}");
}
