//! Containers, as a report names them.

/// A container, or the part of a pod that is in none of its containers.
///
/// All names are bytes that others chose. What nothing tells is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Container {
    /// Who runs it. `None` where its cgroup does not tell: under Kubernetes with the cgroupfs driver,
    /// Docker's and containerd's containers look the same.
    pub runtime: Option<Runtime>,
    /// Its id: 64 hexadecimal digits, for LXC and systemd-nspawn its name. `None` for a process
    /// that is in a pod's own cgroup and in none of its containers.
    pub id: Option<Vec<u8>>,
    /// The uid of its Kubernetes pod, with `-` whichever driver made the cgroup. For a static pod the
    /// hash of its manifest.
    pub pod_uid: Option<Vec<u8>>,
    /// The name of its pod, where the kubelet's directories tell it.
    pub pod: Option<Vec<u8>>,
    /// The Kubernetes namespace of its pod, where the kubelet's directories tell it.
    pub namespace: Option<Vec<u8>>,
    /// Its name: in Kubernetes the container's name within its pod, where the kubelet's directories
    /// tell it (a pod's sandbox has none); for LXC and systemd-nspawn that of the machine. Docker and
    /// Podman keep names to themselves.
    pub name: Option<Vec<u8>>,
}

/// Who runs a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Runtime {
    /// Docker (dockerd, cri-dockerd).
    Docker,
    /// containerd: through CRI, nerdctl or ctr.
    Containerd,
    /// CRI-O.
    CriO,
    /// Podman, rootless or not.
    Podman,
    /// LXC, and what builds on it: LXD, Incus, Proxmox VE, libvirt-lxc.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
}

impl Runtime {
    /// `docker`, `containerd`, `cri-o`, `podman`, `lxc` or `nspawn`.
    pub fn name(self) -> &'static str {
        match self {
            Runtime::Docker => "docker",
            Runtime::Containerd => "containerd",
            Runtime::CriO => "cri-o",
            Runtime::Podman => "podman",
            Runtime::Lxc => "lxc",
            Runtime::Nspawn => "nspawn",
        }
    }
}

impl Container {
    /// How many digits of an id are enough to tell containers apart, as the runtimes' own tools
    /// show them.
    const SHORT_ID: usize = 12;

    /// Whether `wanted` is its name, its id, or at least four hexadecimal digits that its id begins
    /// with.
    pub(crate) fn is_called(&self, wanted: &[u8]) -> bool {
        let begins = |id: &[u8]| {
            wanted.len() >= 4 && wanted.iter().all(u8::is_ascii_hexdigit) && is_id(id) && {
                id.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted))
            }
        };
        self.name.as_deref() == Some(wanted)
            || self.id.as_deref().is_some_and(|id| id == wanted || begins(id))
    }

    /// Whether `wanted` is its pod's name, `namespace/name`, or uid.
    pub(crate) fn is_of_pod(&self, wanted: &[u8]) -> bool {
        let is = |known: &Option<Vec<u8>>| known.as_deref() == Some(wanted);
        is(&self.pod) || is(&self.pod_uid) || self.full_pod_name().as_deref() == Some(wanted)
    }

    /// What to call its pod: `namespace/name`, else the uid; `None` where it is in no pod.
    pub fn pod_label(&self) -> Option<Vec<u8>> {
        self.full_pod_name().or_else(|| self.pod_uid.clone())
    }

    /// What to call it: its name, else the beginning of its id, else its pod.
    pub fn label(&self) -> Option<Vec<u8>> {
        let short = |id: &Vec<u8>| match id.get(..Self::SHORT_ID) {
            Some(start) if is_id(id) => start.to_vec(),
            _ => id.clone(),
        };
        self.name.clone().or_else(|| self.id.as_ref().map(short)).or_else(|| self.pod_label())
    }

    fn full_pod_name(&self) -> Option<Vec<u8>> {
        Some([self.namespace.as_deref()?, self.pod.as_deref()?].join(&b'/'))
    }
}

/// Whether this is a container's id as Docker, containerd, CRI-O and Podman make it.
pub(crate) fn is_id(text: &[u8]) -> bool {
    text.len() == 64 && is_lower_hex(text)
}

pub(crate) fn is_lower_hex(text: &[u8]) -> bool {
    text.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container() -> Container {
        Container {
            id: Some(b"4088e78945f24d32ca3e1b09f097704c9c92e70f525a553fef8da2e6c7f333fd".to_vec()),
            pod_uid: Some(b"e060d9f5-4f41-4153-8daf-4a7ee2a7eaad".to_vec()),
            pod: Some(b"api-7d9c".to_vec()),
            namespace: Some(b"prod".to_vec()),
            name: Some(b"server".to_vec()),
            ..Container::default()
        }
    }

    #[test]
    fn is_called_by_its_name_and_the_beginning_of_its_id() {
        let all: [(&[u8], bool); 8] = [
            (b"server", true),
            (b"serve", false),
            (b"4088", true),
            (b"4088E789", true),
            (b"408", false),
            (b"088e", false),
            (b"4088e78945f24d32ca3e1b09f097704c9c92e70f525a553fef8da2e6c7f333fd", true),
            (b"", false),
        ];
        for (wanted, expected) in all {
            assert_eq!(container().is_called(wanted), expected, "{}", wanted.escape_ascii());
        }
        let machine = Container { id: Some(b"beef-cake".to_vec()), ..Container::default() };
        assert!(machine.is_called(b"beef-cake") && !machine.is_called(b"beef"));
    }

    #[test]
    fn is_of_a_pod_by_name_namespace_and_uid() {
        let all: [(&[u8], bool); 6] = [
            (b"api-7d9c", true),
            (b"prod/api-7d9c", true),
            (b"e060d9f5-4f41-4153-8daf-4a7ee2a7eaad", true),
            (b"test/api-7d9c", false),
            (b"prod", false),
            (b"", false),
        ];
        for (wanted, expected) in all {
            assert_eq!(container().is_of_pod(wanted), expected, "{}", wanted.escape_ascii());
        }
        assert!(!Container::default().is_of_pod(b"") && !Container::default().is_called(b""));
    }

    #[test]
    fn labels_say_the_best_that_is_known() {
        let full = container();
        assert_eq!(full.label(), Some(b"server".to_vec()));
        assert_eq!(full.pod_label(), Some(b"prod/api-7d9c".to_vec()));
        let bare = Container { name: None, pod: None, ..full };
        assert_eq!(bare.label(), Some(b"4088e78945f2".to_vec()));
        assert_eq!(bare.pod_label(), Some(b"e060d9f5-4f41-4153-8daf-4a7ee2a7eaad".to_vec()));
        let pod = Container { id: None, ..bare };
        assert_eq!(pod.label(), pod.pod_label());
        assert_eq!(Container::default().label(), None);
    }
}
