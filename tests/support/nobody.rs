//! Tests that a user without privileges runs: the test binary runs itself as one.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::child::spawn;

/// The user who has no privileges.
pub(crate) const NOBODY: u32 = 65_534;

/// Runs the test named `test` once more as nobody, with this variable set.
///
/// # Panics
/// When it fails there.
pub(crate) fn runs_as_nobody(test: &str, (variable, value): (&str, &str)) {
    // Where the test binary lies, nobody may be barred from.
    let public = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let dir = tempfile::Builder::new().permissions(public).tempdir().expect("a directory");
    let program = dir.path().join("core");
    std::fs::copy(std::env::current_exe().expect("it has a path"), &program).expect("it is copied");
    let mut command = Command::new(&program);
    command.args(["--exact", test, "--nocapture"]);
    command.env(variable, value).uid(NOBODY).gid(NOBODY).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = spawn(&mut command).wait_with_output().expect("it ends");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "as nobody:\n{out}\n{err}");
}
