//! How the two sides of a socket go. Pure.

pub(crate) mod arrival;
pub(crate) mod flow;
pub(crate) mod headroom;
pub(crate) mod listener;
pub(crate) mod rates;
pub(crate) mod receive_side;
pub(crate) mod ring;
pub(crate) mod scheduling;
pub(crate) mod send_side;
pub(crate) mod state;
pub(crate) mod tcp;
pub(crate) mod uncounted_queue;

pub use crate::watch::judge::progress::arrival::NotArriving;
pub use crate::watch::judge::progress::state::{Reading, Writing};
