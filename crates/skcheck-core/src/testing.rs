//! For the tests, benches and fuzz targets of this workspace: no promise is made of any of it.

pub use crate::collect::descriptors::{Descriptors, Mark};
pub use crate::container;
pub use crate::diag::{decode, record, request};
pub use crate::model::queues::queues;
pub use crate::procfs;
