//! Where the output goes: pipes that close, disks that are full.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::run::{run, skcheck};

#[test]
fn a_closed_pipe_is_success() {
    for arguments in ["", "--format json", "--all --format jsonl", "mem", "mem --format json", "--help"] {
        let mut child = skcheck(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{arguments}: {ended:?}");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!said.contains("Broken pipe") && !said.contains("panicked"), "{said}");
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    for arguments in ["", "--format json", "demo --fragments 1", "mem", "mem --format json", "--help"] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = run(skcheck(arguments).stdout(full));
        assert_eq!(ran.code, Some(2), "{arguments}: {ran:?}");
        assert!(ran.err.starts_with("skcheck: cannot write to standard output: No space left"), "{ran:?}");
    }
}

#[test]
fn a_full_disk_goes_before_strict_and_exit_code() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(run(skcheck("--all --strict --exit-code").stdout(full)).code, Some(2));
}
