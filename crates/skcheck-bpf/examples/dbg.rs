use skcheck_bpf::Bpf;
use skcheck_core::engine::*;
use skcheck_core::*;
fn main() {
    let host = Live::new();
    let t = std::time::Instant::now();
    let e = Bpf::load(&host).unwrap();
    println!("load {:?}", t.elapsed());
    let ts = [
        Target { cookie: Cookie(1 << 60), protocol: Protocol::Tcp, netns: None },
        Target { cookie: Cookie((1 << 60) + 1), protocol: Protocol::Udp, netns: None },
        Target { cookie: Cookie((1 << 60) + 2), protocol: Protocol::UnixStream, netns: None },
    ];
    for _ in 0..3 {
        let t = std::time::Instant::now();
        let r = e.walk(&ts, &Limits::default(), &mut |_, s| println!("{s:?}"));
        println!("walk {:?} {:?}", r, t.elapsed());
    }
    let own = Netns::own(None);
    let ts = [Target { netns: Some(&own), ..ts[0] }];
    let t = std::time::Instant::now();
    let r = e.walk(&ts, &Limits { lock: true, ..Limits::default() }, &mut |_, s| println!("{s:?}"));
    println!("lock {:?} {:?}", r, t.elapsed());
    for f in std::fs::read_dir("/proc/self/fdinfo").unwrap() {
        let s = std::fs::read_to_string(f.unwrap().path()).unwrap_or_default();
        if s.contains("verified_insns") {
            println!("{}", s.replace('\n', " "));
        }
    }
}
