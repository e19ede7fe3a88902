//! Is the reader slow or standing still, and why?
//!
//! [`Probe`] takes samples: what the sockets' queues hold, and for those that nobody seems to read what
//! their processes are doing instead. [`judge()`] takes two samples and says what became of each socket, and
//! why. It is pure: samples can come from anywhere, at any distance.
//!
//! ```no_run
//! use skcheck_core::watch::{Probe, judge};
//! use skcheck_core::{Live, Query};
//!
//! let host = Live::new();
//! let mut probe = Probe::new(&host, Query::default());
//! let before = probe.sample(None, None)?;
//! std::thread::sleep(std::time::Duration::from_secs(1));
//! let now = probe.sample(None, Some(&before))?;
//! for judged in judge(&before, &now).sockets {
//!     println!("{:?} {:?} {:?}", judged.reading, judged.consumed, judged.cause);
//! }
//! # Ok::<(), skcheck_core::Error>(())
//! ```

pub mod evidence;
pub(crate) mod judge;
pub(crate) mod sample;

pub use crate::watch::evidence::key::SocketKey;
pub use crate::watch::evidence::sample::{FirstPacket, Sample, StillOpen};
pub use crate::watch::judge::judgement::{Judged, Judgement};
pub use crate::watch::judge::passes::judge;
pub use crate::watch::judge::trend::{Growth, Trend};
pub use crate::watch::judge::{cause, progress};
pub use crate::watch::sample::probe::Probe;
