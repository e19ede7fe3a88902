//! From /proc/PID/cgroup to the unit or the container that a process belongs to. Pure.
//!
//! The kernel prints paths as the reader's cgroup namespace sees them: what is outside begins with
//! `/..`, once for each level up. So what a path says is read from its components, wherever it
//! begins.

use crate::model::container::{Container, Runtime, is_id, is_lower_hex};
use crate::procfs::cgroup::{Membership, memberships};

/// A cgroup, and what its path tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cgroup {
    /// The path below the hierarchy's root, as /proc/PID/cgroup has it, as bytes.
    pub path: Vec<u8>,
    /// The systemd unit, such as `nginx.service` or `session-3.scope`: the innermost one that is not
    /// itself a container.
    pub unit: Option<Vec<u8>>,
    /// The container: the innermost one, where containers run inside containers.
    pub container: Option<Container>,
}

impl Cgroup {
    /// What /proc/PID/cgroup tells. `None` where the kernel has no cgroups.
    ///
    /// With version 2 alone there is one path. Otherwise it is, of version 2, `memory`,
    /// `name=systemd` and the rest in this order, the first that is in a container; without a
    /// container the first that is not the root.
    pub fn of_process(file: &[u8]) -> Option<Cgroup> {
        let mut hierarchies: Vec<Membership<'_>> =
            memberships(file).filter(|membership| membership.path.starts_with(b"/")).collect();
        hierarchies.sort_by_key(rank);
        let mut all = hierarchies.iter().map(|membership| membership.path);
        let contained = all.clone().map(Cgroup::of_path).find(|cgroup| cgroup.container.is_some());
        let path = all.clone().find(|path| *path != b"/").or_else(|| all.next());
        contained.or_else(|| path.map(Cgroup::of_path))
    }

    /// What one path tells.
    pub fn of_path(path: &[u8]) -> Cgroup {
        let parts = components(path);
        let mut container: Option<Container> = None;
        for at in 0..parts.len() {
            if let Some(uid) = parts.get(at).and_then(|part| pod_uid(part)) {
                container = Some(Container { pod_uid: Some(uid), ..Container::default() });
            } else if let Some(mut inner) = container_at(&parts, at) {
                inner.pod_uid = container.and_then(|outer| outer.pod_uid);
                container = Some(inner);
            }
        }
        Cgroup { path: path.to_vec(), unit: unit(&parts), container }
    }
}

/// How well a hierarchy is suited to tell whose a process is: the least is best.
fn rank(membership: &Membership<'_>) -> u8 {
    match membership {
        _ if membership.is_unified() => 0,
        _ if membership.has("memory") => 1,
        _ if membership.has("name=systemd") => 2,
        _ => 3,
    }
}

/// The components of a path. One `SLICE:PREFIX:ID`, which a runtime makes that takes systemd's names
/// for a plain path, is the slice and the scope that it means.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    // The kernel marks a removed cgroup that processes are still in (`proc_cgroup_show`).
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let mut components = Vec::new();
    for part in path.split(|&b| b == b'/').filter(|part| !part.is_empty() && *part != b"..") {
        let triple: Vec<&[u8]> = part.split(|&b| b == b':').collect();
        match triple.as_slice() {
            [slice, b"", id] if is_id(id) => components.extend([slice.to_vec(), id.to_vec()]),
            [slice, prefix, id] if is_id(id) => {
                components.extend([slice.to_vec(), [*prefix, b"-", *id, b".scope"].concat()]);
            }
            _ => components.push(part.to_vec()),
        }
    }
    components
}

/// The uid in `pod32c5...` (cgroupfs) or `kubepods-burstable-pod32c5_....slice` (systemd).
fn pod_uid(part: &[u8]) -> Option<Vec<u8>> {
    let text = match part.strip_suffix(b".slice") {
        Some(slice) => {
            let at = slice.windows(4).rposition(|window| window == b"-pod")?;
            let (parent, uid) = slice.split_at_checked(at)?;
            if !parent.windows(8).any(|window| window == b"kubepods") {
                return None;
            }
            uid.strip_prefix(b"-pod")?
        }
        None => part.strip_prefix(b"pod")?,
    };
    let uid: Vec<u8> = text.iter().map(|&b| if b == b'_' { b'-' } else { b }).collect();
    is_pod_uid(&uid).then_some(uid)
}

/// A UUID, or the hash that stands for one in a static pod.
pub(crate) fn is_pod_uid(uid: &[u8]) -> bool {
    let groups: Vec<usize> = uid.split(|&b| b == b'-').map(<[u8]>::len).collect();
    let digits: Vec<u8> = uid.iter().copied().filter(|&b| b != b'-').collect();
    (groups == [8, 4, 4, 4, 12] || groups == [32]) && is_lower_hex(&digits)
}

/// The container whose cgroup the component at this place is.
fn container_at(parts: &[Vec<u8>], at: usize) -> Option<Container> {
    let part = parts.get(at)?;
    let parent = at.checked_sub(1).and_then(|at| parts.get(at)).map_or(b"".as_slice(), Vec::as_slice);
    let child = parts.get(at + 1).map_or(b"".as_slice(), Vec::as_slice);
    with_id(part, parent).or_else(|| machine(part, parent, child))
}

/// Containers that are known by 64 hexadecimal digits.
fn with_id(part: &[u8], parent: &[u8]) -> Option<Container> {
    // conmon's `crio-conmon-ID` and `libpod-conmon-ID` are not in the container: no id follows.
    const PREFIXES: [(&[u8], Option<Runtime>); 7] = [
        (b"docker-", Some(Runtime::Docker)),
        (b"cri-containerd-", Some(Runtime::Containerd)),
        (b"nerdctl-", Some(Runtime::Containerd)),
        (b"crio-", Some(Runtime::CriO)),
        (b"libpod-payload-", Some(Runtime::Podman)),
        (b"libpod-", Some(Runtime::Podman)),
        (b"", None),
    ];
    let name = part.strip_suffix(b".scope").unwrap_or(part);
    let (runtime, id) = PREFIXES.iter().find_map(|(prefix, runtime)| {
        let id = name.strip_prefix(*prefix)?;
        is_id(id).then_some((*runtime, id))
    })?;
    let runtime = runtime.or(match parent {
        b"docker" => Some(Runtime::Docker),
        b"libpod_parent" => Some(Runtime::Podman),
        // containerd makes /NAMESPACE/ID; these are its own tools' and CRI's.
        b"default" | b"k8s.io" => Some(Runtime::Containerd),
        _ => None,
    });
    Some(Container { runtime, id: Some(id.to_vec()), ..Container::default() })
}

/// Containers that are known by a name: LXC and systemd-nspawn.
fn machine(part: &[u8], parent: &[u8], child: &[u8]) -> Option<Container> {
    let container = |runtime, name: Vec<u8>| {
        let known = (!name.is_empty()).then_some(name);
        known.map(|name| Container {
            runtime: Some(runtime),
            id: Some(name.clone()),
            name: Some(name),
            ..Container::default()
        })
    };
    if let Some(name) = part.strip_prefix(b"lxc.payload.") {
        return container(Runtime::Lxc, name.to_vec());
    }
    if parent == b"lxc" || parent == b"lxc.payload" {
        return container(Runtime::Lxc, part.to_vec());
    }
    if child == b"supervisor" {
        return None; // systemd-nspawn itself, beside the payload
    }
    if let Some(unit) = part.strip_prefix(b"systemd-nspawn@") {
        return container(Runtime::Nspawn, unescape_unit(unit.strip_suffix(b".service")?));
    }
    let scope =
        part.strip_suffix(b".scope")?.strip_prefix(b"machine-").filter(|_| parent == b"machine.slice");
    let name = unescape_unit(scope?);
    if name.starts_with(b"qemu-") {
        return None; // libvirt's virtual machines
    }
    match name.strip_prefix(b"lxc-").and_then(|rest| rest.iter().position(|&b| b == b'-').zip(Some(rest))) {
        // libvirt-lxc: lxc-NUMBER-NAME
        Some((dash, rest)) if rest.iter().take(dash).all(u8::is_ascii_digit) => {
            container(Runtime::Lxc, rest.get(dash + 1..)?.to_vec())
        }
        _ => container(Runtime::Nspawn, name),
    }
}

/// The innermost service or scope that is not itself a container.
fn unit(parts: &[Vec<u8>]) -> Option<Vec<u8>> {
    let is_unit = |part: &[u8]| part.ends_with(b".service") || part.ends_with(b".scope");
    let at = (0..parts.len())
        .rev()
        .find(|&at| parts.get(at).is_some_and(|part| is_unit(part)) && container_at(parts, at).is_none())?;
    parts.get(at).cloned()
}

/// Unit names have `-` and the like as `\x2d` (`unit_name_escape`).
fn unescape_unit(name: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.strip_prefix(b"x").and_then(|digits| digits.get(..2)).filter(|_| byte == b'\\');
        let escaped =
            digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        plain.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    plain
}

#[cfg(test)]
mod tests;
