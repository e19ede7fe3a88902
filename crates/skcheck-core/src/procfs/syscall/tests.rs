use crate::procfs::syscall::{Call, Machine, Syscall};

#[test]
fn system_calls() {
    let stack = " 0x7fff3eb53a58 0x7f38e08802ad\n";
    let check = |text: &str, machine, expected: Option<(Call, u64)>| {
        let file = format!("{text}{stack}");
        let found = Syscall::parse(file.as_bytes(), machine);
        let expected = expected.map(|(call, number)| Syscall::In {
            call,
            number,
            arguments: [3, 0x10, 4, 0, 0xffff_ffff, 0],
        });
        assert_eq!(found, expected, "{text}");
    };
    let arguments = "0x3 0x10 0x4 0x0 0xffffffff 0x0";
    for (number, on_x86_64, on_others) in [
        (0, Call::Read, Call::Other),
        (1, Call::Write, Call::Other),
        (7, Call::Poll, Call::Other),
        (22, Call::Other, Call::EpollWait),
        (25, Call::Other, Call::File),
        (42, Call::Connect, Call::Other),
        (43, Call::Accept, Call::Other),
        (44, Call::Write, Call::Other),
        (61, Call::Wait, Call::File),
        (63, Call::Other, Call::Read),
        (64, Call::Other, Call::Write),
        (74, Call::File, Call::Other),
        (82, Call::Other, Call::File),
        (202, Call::Futex, Call::Accept),
        (217, Call::File, Call::Other),
        (230, Call::Sleep, Call::Other),
        (232, Call::EpollWait, Call::Other),
        (441, Call::EpollWait, Call::EpollWait),
        (449, Call::Futex, Call::Futex),
        (1 << 30, Call::Other, Call::Other),
    ] {
        let text = format!("{number} {arguments}");
        check(&text, Machine::X86_64, Some((on_x86_64, number)));
        check(&text, Machine::Generic, Some((on_others, number)));
        check(&text, Machine::Unknown, Some((Call::Other, number)));
    }
    for bad in
        ["", "x", "-2", "0", "0 0x3", "0 3 4 5 6 7 8", "0 0x 0x 0x 0x 0x 0x", "0 0x+3 0x1 0x1 0x1 0x1 0x1"]
    {
        check(bad, Machine::X86_64, None);
    }
    assert_eq!(Syscall::parse(b"running\n", Machine::X86_64), Some(Syscall::Running));
    assert_eq!(Syscall::parse(b"-1 0x7ffe 0x7f31\n", Machine::X86_64), Some(Syscall::None));
    // The numbers of a program of 32 bits are others: 3 is its read.
    let narrow =
        Syscall::parse(b"0 0x3 0x10 0x4 0x0 0x0 0x0 0xffc01230 0xf7f1a559\n", Machine::X86_64).unwrap();
    assert!(matches!(narrow, Syscall::In { call: Call::Other, number: 0, .. }), "{narrow:?}");
}

/// arm64 has no pause: there it is ppoll without descriptors.
#[test]
fn what_waits_for_no_descriptor_sleeps_or_waits_for_a_signal() {
    let call = |machine, number: u64, [first, second, third, fifth]: [u64; 4]| {
        let file = format!(
            "{number} {first:#x} {second:#x} {third:#x} 0x0 {fifth:#x} 0x0 0x7fff3eb53a58 0x7f38e08802ad"
        );
        match Syscall::parse(file.as_bytes(), machine) {
            Some(Syscall::In { call, .. }) => Some(call),
            _ => None,
        }
    };
    const SOME: u64 = 0x7ffe_0000;
    const MINUS_1: u64 = 0xffff_ffff;
    let poll = |arguments| call(Machine::X86_64, 7, arguments);
    assert_eq!(poll([0, 0, 1000, 0]), Some(Call::Sleep));
    assert_eq!(poll([SOME, 1 << 32, MINUS_1, 0]), Some(Call::Signal));
    assert_eq!(poll([SOME, 1, MINUS_1, 0]), Some(Call::Poll));
    for (machine, number) in [(Machine::X86_64, 271), (Machine::Generic, 73)] {
        assert_eq!(call(machine, number, [0, 0, 0, 0]), Some(Call::Signal), "{number}");
        assert_eq!(call(machine, number, [0, 0, SOME, 0]), Some(Call::Sleep), "{number}");
        assert_eq!(call(machine, number, [SOME, 1, 0, 0]), Some(Call::Poll), "{number}");
    }
    for (machine, number) in [(Machine::X86_64, 23), (Machine::X86_64, 270), (Machine::Generic, 72)] {
        assert_eq!(call(machine, number, [0, SOME, SOME, 0]), Some(Call::Signal), "{number}");
        assert_eq!(call(machine, number, [0, 0, 0, SOME]), Some(Call::Sleep), "{number}");
        assert_eq!(call(machine, number, [1, 0, 0, 0]), Some(Call::Poll), "{number}");
    }
    // Without a file nothing comes of read, and it is none of these.
    assert_eq!(call(Machine::X86_64, 0, [0; 4]), Some(Call::Read));
}
