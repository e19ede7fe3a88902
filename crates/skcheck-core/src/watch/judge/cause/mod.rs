//! Why nobody reads: one cause and what it stands on, and the chain that leads to who is at its end. Plain
//! data.

pub(crate) mod code;
pub(crate) mod fact;
pub(crate) mod link;
pub(crate) mod root;

pub use crate::watch::judge::cause::code::CauseCode;
pub use crate::watch::judge::cause::fact::{Cause, Fact};
pub use crate::watch::judge::cause::link::{Link, Over, Pace, Pairing, Wait};
pub use crate::watch::judge::cause::root::{End, Root};
