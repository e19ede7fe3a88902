use super::*;

const PAGE: PageSize = PageSize(4096);

/// The layout of a PC with a crash kernel and ACPI tables.
const PC: &str = "\
00000000-00000fff : Reserved
00001000-0009fbff : System RAM
0009fc00-000fffff : Reserved
  000f0000-000fffff : System ROM
00100000-bfffffff : System RAM
  01000000-0220bb07 : Kernel code
  a0000000-afffffff : Crash kernel
c0000000-c000ffff : ACPI Tables
c0010000-c0010fff : ACPI Non-volatile Storage
c0011000-eebfffff : Reserved
  c0100000-c01fffff : PCI Bus 0000:00
fec00000-fec003ff : IOAPIC 0
100000000-13fffffff : System RAM
";

fn check(iomem: &str, mem_total: u64, expected: Option<[u64; 4]>) {
    let found = reserved(iomem.as_bytes(), Bytes(mem_total), PAGE);
    let expected = expected.map(|numbers| {
        let [ram, kernel, crash_kernel, firmware] = numbers.map(Bytes);
        Reserved { ram, kernel, crash_kernel, firmware }
    });
    assert_eq!(found, expected, "{iomem}");
}

#[test]
fn a_pc() {
    // The first range ends within a page.
    let ram = (0x9f000 - 0x1000) + (0xc000_0000 - 0x10_0000) + 0x4000_0000;
    check(PC, 0x8000_0000, Some([ram, ram - 0x8000_0000, 0x1000_0000, 0x1_1000]));
    let ranges = [0x1000..0x9f000, 0x10_0000..0xc000_0000, 0x1_0000_0000..0x1_4000_0000];
    assert_eq!(ram_ranges(PC.as_bytes(), PAGE), ranges);
    let of_64k = [0x10000..0x9_0000, 0x10_0000..0xc000_0000, 0x1_0000_0000..0x1_4000_0000];
    assert_eq!(ram_ranges(PC.as_bytes(), PageSize(65536)), of_64k, "of larger pages only whole ones");
    // Memory that the file does not list.
    check(PC, u64::MAX, Some([ram, 0, 0x1000_0000, 0x1_1000]));
}

#[test]
fn hidden_from_users() {
    let hidden: String = PC
        .lines()
        .map(|line| line.split_once(" : ").unwrap().1)
        .map(|name| format!("00000000-00000000 : {name}\n"))
        .collect();
    check(&hidden, 0x8000_0000, None);
    assert_eq!(ram_ranges(hidden.as_bytes(), PAGE), []);
    check("", 1, None);
}

#[test]
fn other_machines() {
    // Hot-added memory lies in the device that has it; s390's crash kernel beside the RAM; an alias is
    // the same memory once more; tables in RAM are counted there.
    let all: [(&str, [u64; 4]); 4] = [
        ("100000-1fffff : virtio0\n  100000-17ffff : System RAM (virtio_mem)\n", [0x8_0000, 0x7_0000, 0, 0]),
        ("0-fffff : System RAM\n100000-1fffff : Crash kernel\n", [0x20_0000, 0x1f_0000, 0x10_0000, 0]),
        ("0-fffff : System RAM\n800000-8fffff : System RAM (boot alias)\n", [0x10_0000, 0xf_0000, 0, 0]),
        ("0-fffff : System RAM\n  1000-1fff : ACPI Tables\n", [0x10_0000, 0xf_0000, 0, 0]),
    ];
    for (iomem, expected) in all {
        check(iomem, 0x1_0000, Some(expected));
    }
}

#[test]
fn lines_that_are_none() {
    let all = [
        // Turned round, overlapping, twice, up to the last address, and none at all.
        ("2000-fff : System RAM\n", None),
        ("0-fff : System RAM\n0-1fff : System RAM\n1000-2fff : System RAM\n", Some(0x3000)),
        ("0-ffffffffffffffff : System RAM\n", None),
        ("0-fffffffffffffffe : System RAM\n1-fffffffffffffffe : System RAM\n", Some(u64::MAX - 0xfff)),
        ("10000000000000000-1ffffffffffffffff : System RAM\n", None),
        ("zero-fff : System RAM\n-fff : System RAM\n1000 : System RAM\n : System RAM\nSystem RAM", None),
    ];
    for (iomem, expected) in all {
        let found = reserved(iomem.as_bytes(), Bytes(0), PAGE).map(|reserved| reserved.ram.0);
        assert_eq!(found, expected, "{iomem}");
    }
}
