//! /proc/PID/mountinfo (`show_mountinfo`).

use crate::model::netns::NetnsId;
use crate::procfs::link::netns_id;
use crate::procfs::number::parse_number;

/// A mount: one line of the file. Paths are as its process sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MountInfo<'f> {
    /// The mount's number.
    pub id: u32,
    /// The device number of its file system (`major:minor`).
    pub device: &'f [u8],
    root: &'f [u8],
    point: &'f [u8],
    /// The type of the file system: `nfs4`, `fuse.sshfs`.
    pub kind: &'f [u8],
    source: &'f [u8],
    /// The options of the file system, with commas between.
    pub options: &'f [u8],
}

impl<'f> MountInfo<'f> {
    /// Parses a line; `None` where it is none.
    fn parse(line: &'f [u8]) -> Option<MountInfo<'f>> {
        // 25 30 0:57 / /mnt/dead rw shared:7 - fuse.x source rw
        let mut fields = line.split(|&b| b == b' ');
        let (id, _) = (parse_number(fields.next()?)?, fields.next()?);
        let (device, root, point) = (fields.next()?, fields.next()?, fields.next()?);
        let mut behind = fields.skip_while(|field| *field != b"-").skip(1);
        let (kind, source) = (behind.next()?, behind.next()?);
        Some(MountInfo { id, device, root, point, kind, source, options: behind.next().unwrap_or_default() })
    }

    /// What of the file system is at the mount point: a directory, or a file that says what it is (`net:[N]`).
    pub fn root(&self) -> Vec<u8> {
        unescape(self.root)
    }

    /// Where it is mounted.
    pub fn point(&self) -> Vec<u8> {
        unescape(self.point)
    }

    /// What is mounted: a device, `server:/path`.
    pub fn source(&self) -> Vec<u8> {
        unescape(self.source)
    }

    /// The network namespace that is mounted there.
    pub fn netns(&self) -> Option<NetnsId> {
        netns_id(self.root)
    }
}

/// The mounts. What is no line of a mount is passed over.
pub fn mounts(file: &[u8]) -> impl Iterator<Item = MountInfo<'_>> {
    file.split(|&b| b == b'\n').filter_map(MountInfo::parse)
}

/// The network namespaces that are bind-mounted somewhere, with the path of each mount point.
pub fn mounted_namespaces(file: &[u8]) -> impl Iterator<Item = (NetnsId, Vec<u8>)> {
    mounts(file).filter_map(|mount| Some((mount.netns()?, mount.point())))
}

/// The mount with this number.
pub fn numbered(file: &[u8], id: u32) -> Option<MountInfo<'_>> {
    mounts(file).find(|mount| mount.id == id)
}

/// The name that `ip netns` gives to a namespace mounted here.
pub fn ip_netns_name(mount_point: &[u8]) -> Option<&[u8]> {
    let directories: [&[u8]; 2] = [b"/run/netns/", b"/var/run/netns/"];
    let name = directories.iter().find_map(|directory| mount_point.strip_prefix(*directory))?;
    (!name.is_empty() && !name.contains(&b'/')).then_some(name)
}

/// Paths have blanks and the like as three octal digits (`mangle_path`).
fn unescape(field: &[u8]) -> Vec<u8> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const FILE: &[u8] = b"21 1 8:1 / / rw - ext4 /dev/sda1 rw,errors=remount-ro\n\
        30 21 0:57 / /mnt/a\\040b rw shared:7 master:1 - fuse.x x\\134y rw\n30\n\
        25 30 0:4 net:[4026532281] /run/netns/bl\\303\\274e rw shared:7 - nsfs nsfs rw\n";

    #[test]
    fn mounts_by_number() {
        let root = numbered(FILE, 21).unwrap();
        assert_eq!((root.device, root.kind), (&b"8:1"[..], &b"ext4"[..]));
        assert_eq!(root.options, b"rw,errors=remount-ro");
        let dead = numbered(FILE, 30).unwrap();
        assert_eq!(
            (dead.root(), dead.point(), dead.source()),
            (b"/".to_vec(), b"/mnt/a b".to_vec(), b"x\\y".to_vec())
        );
        assert_eq!((dead.device, dead.kind), (&b"0:57"[..], &b"fuse.x"[..]));
        assert_eq!(numbered(FILE, 57), None);
        assert_eq!(numbered(b"30\n30 1 0:1 / /a\n30 1 0:1 / /a rw - x", 30), None);
    }

    #[test]
    fn namespaces() {
        let found: Vec<(NetnsId, Vec<u8>)> = mounted_namespaces(FILE).collect();
        assert_eq!(found, [(NetnsId(4_026_532_281), "/run/netns/blüe".as_bytes().to_vec())]);
        assert_eq!(ip_netns_name(&found.first().unwrap().1), Some("blüe".as_bytes()));
        assert_eq!([ip_netns_name(b"/run/netns/"), ip_netns_name(b"/run/netns/a/b")], [None, None]);
    }
}
