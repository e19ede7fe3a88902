use skcheck_bpf::Bpf;
use skcheck_core::engine::*;
use skcheck_core::{Live, Query};
use std::time::Instant;
fn main() {
    let host = Live::new();
    for _ in 0..3 {
        let t = Instant::now();
        let btf = aya::Btf::from_sys_fs().unwrap();
        println!("btf {:?}", t.elapsed());
        drop(btf);
        let t = Instant::now();
        let f = aya::features();
        println!("features {:?} {}", t.elapsed(), f.bpf_name());
        let t = Instant::now();
        let engine = Bpf::load(&host).unwrap();
        println!("load {:?}", t.elapsed());
        let t = Instant::now();
        let mut n = 0;
        let pass = engine.find(&Query::default(), &mut |_| n += 1).unwrap();
        println!("find {:?} {n} {pass:?}", t.elapsed());
        let t = Instant::now();
        let pass = engine.find(&Query::default(), &mut |_| n += 1).unwrap();
        println!("find {:?} {n} {}", t.elapsed(), pass.descriptors);
        let t = Instant::now();
        engine
            .holders(&[skcheck_core::Inode::new(26799).unwrap()], &mut |i, h| println!("{i:?} {h:?}"))
            .unwrap();
        println!("holders {:?}", t.elapsed());
        let t = Instant::now();
        let own = skcheck_core::Netns::own(None);
        let target = Target {
            cookie: skcheck_core::Cookie(1),
            protocol: skcheck_core::Protocol::Tcp,
            netns: Some(&own),
        };
        engine.walk(&[target], &Limits::default(), &mut |_, _| {}).unwrap();
        println!("walk {:?}", t.elapsed());
    }
}
