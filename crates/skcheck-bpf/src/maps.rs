//! The maps of the programs, by name.

use aya::maps::{Array, HashMap, Map, MapData, MapError};
use aya::{Ebpf, Pod};

use crate::error::Error;
use crate::wire::{
    CountsValue, FilterValue, LimitsValue, ProtocolName, TablesValue, TallyValue, TargetValue,
};

/// What is in a map: any bytes are one, and it is nothing but its bytes.
pub(crate) trait Value: Copy {
    /// What the kernel copies.
    type Bytes: Pod;

    fn to_bytes(self) -> Self::Bytes;

    fn of_bytes(bytes: Self::Bytes) -> Self;
}

macro_rules! values {
    ($($name:ident),+) => {$(
        impl Value for $name {
            type Bytes = [u8; size_of::<$name>()];

            fn to_bytes(self) -> Self::Bytes {
                zerocopy::transmute!(self)
            }

            fn of_bytes(bytes: Self::Bytes) -> Self {
                zerocopy::transmute!(bytes)
            }
        }
    )+};
}
values!(u8, u32, u64);
values!(CountsValue, FilterValue, LimitsValue, ProtocolName, TablesValue, TallyValue, TargetValue);

/// The value of a map that has one.
pub(crate) fn value<V: Value>(ebpf: &mut Ebpf, name: &str) -> Result<V, Error> {
    array::<V>(ebpf, name)?.get(&0, 0).map(V::of_bytes).map_err(|error| Error::map(&error))
}

/// Sets the value of a map that has one.
pub(crate) fn set_value<V: Value>(ebpf: &mut Ebpf, name: &str, value: V) -> Result<(), Error> {
    array::<V>(ebpf, name)?.set(0, value.to_bytes(), 0).map_err(|error| Error::map(&error))
}

/// All that is in a hash map.
pub(crate) fn entries<K: Value, V: Value>(ebpf: &mut Ebpf, name: &str) -> Result<Vec<(K, V)>, Error> {
    let map = hash::<K, V>(ebpf, name)?;
    let typed = |(key, value)| (K::of_bytes(key), V::of_bytes(value));
    map.iter().map(|entry| entry.map(typed).map_err(|error| Error::map(&error))).collect()
}

/// Puts these into a hash map, in the place of all that is in it.
pub(crate) fn fill<K: Value, V: Value>(
    ebpf: &mut Ebpf,
    name: &str,
    entries: impl IntoIterator<Item = (K, V)>,
) -> Result<(), Error> {
    let mut map = hash::<K, V>(ebpf, name)?;
    let keys: Vec<K::Bytes> = map.keys().collect::<Result<_, _>>().map_err(|error| Error::map(&error))?;
    keys.iter().try_for_each(|key| map.remove(key)).map_err(|error| Error::map(&error))?;
    let mut entries = entries.into_iter();
    entries
        .try_for_each(|(key, value)| map.insert(key.to_bytes(), value.to_bytes(), 0))
        .map_err(|error| Error::map(&error))
}

/// Leaves nothing in a hash map.
pub(crate) fn clear<K: Value, V: Value>(ebpf: &mut Ebpf, name: &str) -> Result<(), Error> {
    fill::<K, V>(ebpf, name, [])
}

type ValueArray<'e, V> = Array<&'e mut MapData, <V as Value>::Bytes>;
type ValueHash<'e, K, V> = HashMap<&'e mut MapData, <K as Value>::Bytes, <V as Value>::Bytes>;

fn array<'e, V: Value>(ebpf: &'e mut Ebpf, name: &str) -> Result<ValueArray<'e, V>, Error> {
    map(ebpf, name)
}

fn hash<'e, K: Value, V: Value>(ebpf: &'e mut Ebpf, name: &str) -> Result<ValueHash<'e, K, V>, Error> {
    map(ebpf, name)
}

fn map<'e, M: TryFrom<&'e mut Map, Error = MapError>>(ebpf: &'e mut Ebpf, name: &str) -> Result<M, Error> {
    let map = ebpf.map_mut(name).ok_or_else(|| Error::missing(name))?;
    map.try_into().map_err(|error| Error::map(&error))
}
