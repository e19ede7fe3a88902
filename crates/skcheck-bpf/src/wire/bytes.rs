//! How the structures and numbers of C are written down here, so that a test can hold them against the programs.

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
            pub(in crate::wire) const LAYOUT: crate::wire::bytes::Structure =
                crate::wire::bytes::Structure {
                    name: $c,
                    size: size_of::<$name>(),
                    fields: &[$((stringify!($field), std::mem::offset_of!($name, $field))),+],
                };
        }
    )+};
}
pub(in crate::wire) use records;

/// Defines the numbers of an enumeration in C: a module with the enumeration's name, the numbers under theirs.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty { $($number:ident = $value:expr),+ $(,)? })+) => {$(
        $(#[$doc])*
        pub(crate) mod $name {
            $(pub(crate) const $number: $type = $value;)+

            /// For the comparison with what the compiler of the programs says.
            #[cfg(test)]
            pub(in crate::wire) const ALL: crate::wire::bytes::Enumeration =
                crate::wire::bytes::Enumeration {
                    name: stringify!($name),
                    numbers: &[$((stringify!($number), $number as i64)),+],
                };
        }
    )+};
}
pub(in crate::wire) use numbers;

/// A structure as it is defined here, under its name in C.
#[cfg(test)]
pub(in crate::wire) struct Structure {
    pub(in crate::wire) name: &'static str,
    pub(in crate::wire) size: usize,
    /// The name and the offset of each field.
    pub(in crate::wire) fields: &'static [(&'static str, usize)],
}

/// An enumeration as it is defined here.
#[cfg(test)]
pub(in crate::wire) struct Enumeration {
    pub(in crate::wire) name: &'static str,
    pub(in crate::wire) numbers: &'static [(&'static str, i64)],
}
