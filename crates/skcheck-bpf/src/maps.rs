//! The maps of the programs, by name.

use aya::maps::{Array, HashMap, Map, MapData, MapError};
use aya::{Ebpf, Pod};

use crate::error::Error;

pub(crate) fn array<'e, V: Pod>(ebpf: &'e mut Ebpf, name: &str) -> Result<Array<&'e mut MapData, V>, Error> {
    map(ebpf, name)
}

pub(crate) fn hash<'e, K: Pod, V: Pod>(
    ebpf: &'e mut Ebpf,
    name: &str,
) -> Result<HashMap<&'e mut MapData, K, V>, Error> {
    map(ebpf, name)
}

fn map<'e, M: TryFrom<&'e mut Map, Error = MapError>>(ebpf: &'e mut Ebpf, name: &str) -> Result<M, Error> {
    let map = ebpf.map_mut(name).ok_or_else(|| Error::missing(name))?;
    map.try_into().map_err(|error| Error::map(&error))
}

/// A hash map, with nothing in it.
pub(crate) fn cleared<'e, K: Pod, V: Pod>(
    ebpf: &'e mut Ebpf,
    name: &str,
) -> Result<HashMap<&'e mut MapData, K, V>, Error> {
    let mut map = hash::<K, V>(ebpf, name)?;
    let keys: Vec<K> = map.keys().collect::<Result<_, _>>().map_err(|error| Error::map(&error))?;
    keys.iter().try_for_each(|key| map.remove(key)).map_err(|error| Error::map(&error))?;
    Ok(map)
}
