//! What a command knows of a look beside what it found.

use std::time::Duration;

use skcheck_core::Gap;

/// What is known of a look beside what it found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Circumstances {
    /// A process that was asked for and does not exist.
    pub(crate) missing_pid: Option<u32>,
    pub(crate) engine: EngineUse,
    /// Who asks.
    pub(crate) privilege: Privilege,
    /// What is missing because of that.
    pub(crate) gap: Option<Gap>,
}

/// What has become of the engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum EngineUse {
    /// It was not wanted.
    #[default]
    NotTried,
    /// It could not be loaded.
    Unusable,
    /// It was loaded, within so much time.
    Loaded(Duration),
}

/// Who asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Privilege {
    Root,
    #[default]
    User,
}
