//! Where a socket or a process is: network namespace, cgroup, unit, container.

use serde::Serialize;
use skcheck_core::{Container, Netns};

use crate::output::json::bytes::{hex_unless_utf8, lossy};

#[derive(Serialize)]
pub(super) struct NetnsJson {
    inode: Option<u64>,
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
    own: bool,
}

/// What a cgroup tells; flattened into what is in it.
#[derive(Serialize)]
pub(super) struct PlaceJson {
    cgroup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cgroup_hex: Option<String>,
    unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_hex: Option<String>,
    container: Option<ContainerJson>,
}

#[derive(Serialize)]
struct ContainerJson {
    runtime: Option<&'static str>,
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_hex: Option<String>,
    pod_uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_uid_hex: Option<String>,
    pod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_hex: Option<String>,
    namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_hex: Option<String>,
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_hex: Option<String>,
}

impl NetnsJson {
    pub(super) fn new(netns: &Netns) -> NetnsJson {
        let (name, name_hex) = text(netns.label().as_deref());
        NetnsJson { inode: netns.id.map(|id| id.0), name, name_hex, own: netns.own }
    }
}

impl PlaceJson {
    pub(super) fn new(
        cgroup: Option<&[u8]>,
        unit: Option<&[u8]>,
        container: Option<&Container>,
    ) -> PlaceJson {
        let ((cgroup, cgroup_hex), (unit, unit_hex)) = (text(cgroup), text(unit));
        PlaceJson { cgroup, cgroup_hex, unit, unit_hex, container: container.map(ContainerJson::new) }
    }
}

impl ContainerJson {
    fn new(container: &Container) -> ContainerJson {
        let (id, id_hex) = text(container.id.as_deref());
        let (pod_uid, pod_uid_hex) = text(container.pod_uid.as_deref());
        let (pod, pod_hex) = text(container.pod.as_deref());
        let (namespace, namespace_hex) = text(container.namespace.as_deref());
        let (name, name_hex) = text(container.name.as_deref());
        ContainerJson {
            runtime: container.runtime.map(skcheck_core::Runtime::name),
            id,
            id_hex,
            pod_uid,
            pod_uid_hex,
            pod,
            pod_hex,
            namespace,
            namespace_hex,
            name,
            name_hex,
        }
    }
}

fn text(name: Option<&[u8]>) -> (Option<String>, Option<String>) {
    (name.map(lossy), name.and_then(hex_unless_utf8))
}
