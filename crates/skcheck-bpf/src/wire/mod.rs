//! What the BPF programs and this process exchange, as `bpf/records.h` lays it out. Decoding is pure and total: any
//! bytes are one whole record, or none.

mod bytes;
mod find;
mod ring;
mod tcp;
mod value;
mod walk;

pub(crate) use crate::wire::find::FindRecord;
pub(crate) use crate::wire::value::{
    CountsValue, FilterValue, LimitsValue, ProtocolName, TablesValue, TallyValue, TargetValue, table,
    target_key, want,
};
pub(crate) use crate::wire::walk::{WalkRecord, ended_slot};

#[cfg(test)]
mod tests;
