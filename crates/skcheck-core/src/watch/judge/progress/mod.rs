//! How the two sides of a socket go. Pure.

pub(crate) mod accepting;
pub(crate) mod arrival;
pub(crate) mod flow;
pub(crate) mod headroom;
pub(crate) mod rates;
pub(crate) mod receiving;
pub(crate) mod ring;
pub(crate) mod scheduling;
pub(crate) mod sending;
pub(crate) mod state;
pub(crate) mod tcp;
pub(crate) mod uncounted;

pub use crate::watch::judge::progress::arrival::NotArriving;
pub use crate::watch::judge::progress::state::{Reading, Writing};
