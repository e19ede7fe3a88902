use super::*;

fn errno(errno: Errno) -> io::Error {
    io::Error::from(errno)
}

/// What the kernel answered, and said beside it; what that means, and the line that is shown.
fn check(number: Errno, log: &str, kind: Kind, line: &str) {
    let error = Error::load("walk_files", &errno(number), log);
    assert_eq!(error.kind(), kind, "{error}");
    let shown = error.to_string();
    assert_eq!(shown.strip_prefix("the kernel refused program walk_files: "), Some(line));
}

#[test]
fn a_refusal_shows_the_verifiers_own_line() {
    // Linux 7.1, where a field was renamed.
    check(
        Errno::INVAL,
        "; if (bpf_probe_read_kernel(&flags, sizeof(flags), head)) @ walk.c:221\n\
         118: <invalid CO-RE relocation>\n\
         118: (85) call unknown#195896080\n\
         invalid func unknown#195896080\n\
         verification time 95 usec\n\
         stack depth 96\n\
         processed 117 insns (limit 1000000) max_states_per_insn 0 total_states 8 peak_states 8 mark_read 0\n",
        Kind::Verifier,
        "invalid func unknown#195896080",
    );
    // Linux 6.18, booted with lockdown=confidentiality.
    check(
        Errno::INVAL,
        "12: (85) call bpf_probe_read_kernel#113\n\
         program of this type cannot use helper bpf_probe_read_kernel#113\n\
         processed 13 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n",
        Kind::Lockdown,
        "program of this type cannot use helper bpf_probe_read_kernel#113",
    );
    check(Errno::INVAL, "unknown func bpf_loop#181\n", Kind::TooOld, "unknown func bpf_loop#181");
}

#[test]
fn without_a_log_the_number_says_why() {
    check(Errno::PERM, "", Kind::Privilege, "Operation not permitted (os error 1)");
    check(Errno::ACCESS, "", Kind::Privilege, "Permission denied (os error 13)");
    check(Errno::NOMEM, "", Kind::Memory, "Cannot allocate memory (os error 12)");
    check(Errno::MFILE, "", Kind::Descriptors, "Too many open files (os error 24)");
    check(Errno::NFILE, "", Kind::Descriptors, "Too many open files in system (os error 23)");
    check(Errno::AGAIN, "", Kind::Threads, "Resource temporarily unavailable (os error 11)");
    check(Errno::NOSYS, "", Kind::TooOld, "Function not implemented (os error 38)");
    check(Errno::INVAL, "", Kind::Verifier, "Invalid argument (os error 22)");
}

#[test]
fn a_missing_file_is_a_kernel_without_btf() {
    let missing =
        |number| BtfError::FileError { path: "/sys/kernel/btf/vmlinux".into(), error: errno(number) };
    let kind = |number| Error::no_btf(&missing(number)).kind();
    assert_eq!(kind(Errno::NOENT), Kind::NoBtf);
    assert_eq!(kind(Errno::MFILE), Kind::Descriptors);
    assert_eq!(kind(Errno::ACCESS), Kind::Privilege);
}

/// Each cause has a remedy of its own.
#[test]
fn remedies_differ() {
    let kinds = Kind::ALL.map(Kind::remedy);
    for (at, remedy) in kinds.iter().enumerate() {
        assert!(!kinds[..at].contains(remedy), "{remedy}");
    }
}

#[test]
fn debug_is_a_sentence_with_what_helps() {
    let error = Error::new(Kind::TooOld, "the kernel refused it");
    assert_eq!(format!("{error:?}"), "the kernel refused it; it takes Linux 5.10 or newer, and --lock 5.17");
    let parts = format!("{error:#?}");
    assert!(parts.starts_with("Error {\n    kind: TooOld,"), "{parts}");
}
