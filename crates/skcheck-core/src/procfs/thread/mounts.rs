//! What /proc/PID/mountinfo says of one mount.

use crate::procfs::mountinfo::unescape;
use crate::procfs::number::parse_number;
use crate::watch::evidence::Mount;

/// The device number (`major:minor`) of the file system that this mount shows (`show_mountinfo`).
pub fn device_of_mount(mountinfo: &[u8], id: u32) -> Option<&[u8]> {
    fields(mountinfo, id)?.nth(2)
}

/// The mount with this number.
pub fn mount(mountinfo: &[u8], id: u32) -> Option<Mount> {
    let mut fields = fields(mountinfo, id)?;
    let point = unescape(fields.nth(4)?);
    let mut behind = fields.skip_while(|field| *field != b"-").skip(1);
    Some(Mount { point, kind: behind.next()?.to_vec(), source: unescape(behind.next()?) })
}

/// The fields of its line.
fn fields(mountinfo: &[u8], id: u32) -> Option<impl Iterator<Item = &[u8]>> {
    // 25 30 0:57 / /mnt/dead rw shared:7 - fuse.x source rw
    let mut lines = mountinfo.split(|&b| b == b'\n').map(|line| line.split(|&b| b == b' '));
    lines.find(|fields| fields.clone().next().and_then(parse_number) == Some(id))
}
