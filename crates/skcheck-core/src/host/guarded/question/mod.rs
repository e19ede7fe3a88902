//! What a worker is asked about the host, and how the words of its answers are meant.

pub(crate) mod file;
pub(crate) mod host;
pub(crate) mod process;
pub(crate) mod sight;
pub(crate) mod talk;
pub(crate) mod words;

pub(super) use crate::host::guarded::question::file::FileQuestion;
pub(super) use crate::host::guarded::question::host::HostQuestion;
pub(super) use crate::host::guarded::question::process::ProcessQuestion;
pub(super) use crate::host::guarded::question::talk::TalkQuestion;
