//! The one seam to the system: all that skcheck reads goes through [`Host`].
//!
//! [`Live`](crate::Live) is the kernel that runs. Any other implementation works as well, so the whole library
//! runs over a recorded or a made-up host too.

pub(crate) mod budget;
pub(crate) mod diag;
pub(crate) mod file;
pub(crate) mod guarded;
pub(crate) mod live;
pub(crate) mod lockdown;
pub(crate) mod seam;
pub(crate) mod sight;
pub mod worker;

pub use crate::host::budget::Budget;
pub use crate::host::diag::{Diag, Message};
pub use crate::host::guarded::{Answering, Guarded, WorkerStart};
pub use crate::host::live::SameFiles;
pub(crate) use crate::host::live::lanes::processors;
pub use crate::host::lockdown::is_confidential;
pub(crate) use crate::host::seam::Host;
pub use crate::host::seam::LARGEST_FILE;
pub use crate::host::sight::{Looking, Sight};
pub use crate::procfs::osrelease::Release;
