//! /proc/PID/mountinfo.

use crate::model::netns::NetnsId;
use crate::procfs::link::netns_id;

/// The network namespaces that are bind-mounted somewhere, with the path of each mount point as
/// the owner of this /proc/PID/mountinfo sees it.
pub fn mounted(mountinfo: &[u8]) -> Vec<(NetnsId, Vec<u8>)> {
    let lines = mountinfo.split(|&b| b == b'\n');
    let mounts = lines.filter_map(|line| {
        // 25 30 0:4 net:[4026532281] /run/netns/blue rw shared:7 - nsfs nsfs rw
        let mut fields = line.split(|&b| b == b' ').skip(3);
        Some((netns_id(fields.next()?)?, unescape(fields.next()?)))
    });
    mounts.collect()
}

/// The name that `ip netns` gives to a namespace mounted here.
pub fn ip_netns_name(mount_point: &[u8]) -> Option<&[u8]> {
    let directories: [&[u8]; 2] = [b"/run/netns/", b"/var/run/netns/"];
    let name = directories.iter().find_map(|directory| mount_point.strip_prefix(*directory))?;
    (!name.is_empty() && !name.contains(&b'/')).then_some(name)
}

/// Mount points have blanks and the like as three octal digits (`mangle_path`).
pub fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal =
            after.get(..3).filter(|digits| byte == b'\\' && digits.iter().all(|d| (b'0'..b'8').contains(d)));
        let number = octal
            .and_then(|digits| digits.iter().try_fold(0u8, |n, d| n.checked_mul(8)?.checked_add(d - b'0')));
        match number {
            Some(number) => {
                plain.push(number);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    plain
}
