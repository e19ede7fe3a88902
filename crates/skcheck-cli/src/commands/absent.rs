//! What was asked for by name, and is not there.

use std::io;
use std::path::{Path, PathBuf};

use skcheck_core::host::Guarded;
use skcheck_core::{Host, NetnsChoice, NetnsFile, Query};

use crate::commands::failure::{Failure, misuse};

/// A process that is asked for and does not exist.
pub(super) fn missing_pid(host: &Guarded, query: &Query) -> Option<u32> {
    let looked = |pid: &u32| host.inode(Path::new(&format!("/proc/{pid}")));
    // One that does not answer is there.
    let is_missing = |pid: &&u32| looked(pid).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    query.pids.iter().find(is_missing).copied()
}

/// A namespace that was asked for by name and is none is a mistake, and no gap of the report.
pub(super) fn refuse_unknown_netns(host: &Guarded, choice: &NetnsChoice) -> Result<(), Failure> {
    let path: PathBuf = match choice {
        NetnsChoice::OfProcess(pid) => format!("/proc/{pid}/ns/net").into(),
        NetnsChoice::OfFile(path) => path.clone(),
        _ => return Ok(()),
    };
    let refuse = |why: &str| Err(misuse("--netns", &path, why));
    let inode = match (host.inode(&path), choice) {
        (Ok(inode), _) => inode,
        (Err(error), NetnsChoice::OfProcess(_)) if error.kind() == io::ErrorKind::NotFound => {
            return refuse("there is no such process");
        }
        (Err(error), _) if error.kind() == io::ErrorKind::PermissionDenied => {
            return refuse("permission denied: run as root, or grant CAP_SYS_PTRACE");
        }
        (Err(error), _) if error.kind() == io::ErrorKind::TimedOut => {
            let who: Vec<String> =
                host.unanswered().iter().map(|gap| format!("{gap}; {}", gap.remedy)).collect();
            return refuse(&who.join("; "));
        }
        (Err(error), _) => return refuse(&error.to_string()),
    };
    // EINVAL: a file of another kind. That it may not be entered, the scan says itself.
    match host.diag(Some(&NetnsFile::new(&path, inode))) {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => {
            refuse("not a network namespace")
        }
        _ => Ok(()),
    }
}
