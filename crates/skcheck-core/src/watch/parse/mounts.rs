//! What /proc/PID/mountinfo says of one mount.

use crate::host::parse_number;

/// The device number (`major:minor`) of the file system that this mount shows (`show_mountinfo`).
pub(crate) fn device_of_mount(mountinfo: &[u8], id: u32) -> Option<&[u8]> {
    // 25 30 0:57 / /mnt/dead rw shared:7 - fuse.x source rw
    mountinfo.split(|&b| b == b'\n').find_map(|line| {
        let mut fields = line.split(|&b| b == b' ');
        fields.next().and_then(parse_number).filter(|number| *number == id)?;
        fields.nth(1)
    })
}
