//! What was typed, and the environment it was typed in: what it means here.

mod arrangement;
mod demo;
mod leaks;
mod limit;
mod measuring;
mod mem;
mod packets;
mod query;
mod roots;
mod scan;
mod stdout;
mod watch;
mod worker;

pub(crate) use crate::args::{DocumentFormat, EngineChoice, Format, WatchFormat};
pub(crate) use crate::config::demo::DemoConfig;
pub(crate) use crate::config::leaks::LeaksConfig;
pub(crate) use crate::config::mem::MemConfig;
pub(crate) use crate::config::packets::PacketsConfig;
pub(crate) use crate::config::roots::Roots;
pub(crate) use crate::config::scan::ScanConfig;
pub(crate) use crate::config::stdout::{stdout_page, terminal_rows};
pub(crate) use crate::config::watch::WatchConfig;
pub(crate) use crate::config::worker::WorkerConfig;
