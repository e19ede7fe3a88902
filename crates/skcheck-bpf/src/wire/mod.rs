//! What the BPF programs and this process exchange, as `bpf/records.h` lays it out. Decoding is pure and total: any
//! bytes are one whole record, or none.

mod find;
mod ring;
mod tcp;
mod value;
mod walk;

pub(crate) use self::find::FindRecord;
pub(crate) use self::value::{
    CountsValue, FilterValue, LimitsValue, ProtocolName, TablesValue, TallyValue, TargetValue, table, want,
};
pub(crate) use self::walk::{WalkRecord, ended_slot};

/// Defines structures as C lays them out: each with its name there, and with the same names of fields.
macro_rules! records {
    ($($(#[$doc:meta])* $name:ident is $c:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)+
    })+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
        )]
        #[repr(C)]
        pub(crate) struct $name {
            $($(#[$field_doc])* pub(crate) $field: $type,)+
        }

        #[cfg(test)]
        impl $name {
            /// For the comparison with what the compiler of the programs says.
            pub(in crate::wire) const LAYOUT: crate::wire::tests::layout::Structure =
                crate::wire::tests::layout::Structure {
                    name: $c,
                    size: size_of::<$name>(),
                    fields: &[$((stringify!($field), std::mem::offset_of!($name, $field))),+],
                };
        }
    )+};
}
use records;

/// Defines the numbers of an enumeration in C: a module with the enumeration's name, the numbers under theirs.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty { $($number:ident = $value:expr),+ $(,)? })+) => {$(
        $(#[$doc])*
        pub(crate) mod $name {
            $(pub(crate) const $number: $type = $value;)+

            /// For the comparison with what the compiler of the programs says.
            #[cfg(test)]
            pub(in crate::wire) const ALL: crate::wire::tests::layout::Enumeration =
                crate::wire::tests::layout::Enumeration {
                    name: stringify!($name),
                    numbers: &[$((stringify!($number), $number as i64)),+],
                };
        }
    )+};
}
use numbers;

#[cfg(test)]
mod tests;
