//! The names that the kubelet's log directories tell. Pure.

use crate::container::identity::is_pod_uid;
use crate::model::container::Container;

/// Where the kubelet keeps a directory for each pod: `NAMESPACE_NAME_UID`.
pub(crate) const POD_LOGS: &str = "/var/log/pods";

/// Where the kubelet keeps a link for each container: `POD_NAMESPACE_CONTAINER-ID.log`.
pub(crate) const CONTAINER_LOGS: &str = "/var/log/containers";

/// KubeletNames of pods and containers, as the kubelet's directories list them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KubeletNames {
    pods: Vec<PodEntry>,
    containers: Vec<ContainerEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct PodEntry {
    uid: Vec<u8>,
    namespace: Vec<u8>,
    pod: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct ContainerEntry {
    /// The id, or what the file name had room for.
    id: Vec<u8>,
    namespace: Vec<u8>,
    pod: Vec<u8>,
    name: Vec<u8>,
}

impl KubeletNames {
    /// Learns from the name of an entry of [`POD_LOGS`]; passes over what is none of the kubelet's.
    pub(crate) fn add_pod(&mut self, entry: &[u8]) {
        let mut fields = entry.split(|&b| b == b'_');
        let (Some(namespace), Some(pod), Some(uid), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return;
        };
        if is_pod_uid(uid) {
            self.pods.push(PodEntry { uid: uid.to_vec(), namespace: namespace.to_vec(), pod: pod.to_vec() });
        }
    }

    /// Learns from the name of an entry of [`CONTAINER_LOGS`]; passes over what is none of the
    /// kubelet's.
    pub(crate) fn add_container(&mut self, entry: &[u8]) {
        /// The kubelet cuts the name where a file system would not take it, and so the id's end.
        const LONGEST_NAME: usize = 255;
        /// Fewer digits could be those of another container, or of the container's name.
        const SHORTEST_ID: usize = 12;
        let Some(stem) = entry.strip_suffix(b".log") else { return };
        let mut fields = stem.split(|&b| b == b'_');
        let (Some(pod), Some(namespace), Some(last), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return;
        };
        let Some(dash) = last.iter().rposition(|&b| b == b'-') else { return };
        let (name, id) = (last.get(..dash).unwrap_or_default(), last.get(dash + 1..).unwrap_or_default());
        let whole = id.len() == 64 || entry.len() == LONGEST_NAME && id.len() >= SHORTEST_ID;
        if whole && id.iter().all(u8::is_ascii_hexdigit) {
            self.containers.push(ContainerEntry {
                id: id.to_vec(),
                namespace: namespace.to_vec(),
                pod: pod.to_vec(),
                name: name.to_vec(),
            });
        }
    }

    /// Fills in what a container's id and its pod's uid lead to.
    pub(crate) fn fill(&self, container: &mut Container) {
        let by_id = |known: &&ContainerEntry| {
            container.id.as_ref().is_some_and(|id| id.len() == 64 && id.starts_with(&known.id))
        };
        if let Some(known) = self.containers.iter().find(by_id) {
            container.name = Some(known.name.clone());
            container.pod = Some(known.pod.clone());
            container.namespace = Some(known.namespace.clone());
        }
        let by_uid = |known: &&PodEntry| container.pod_uid.as_ref() == Some(&known.uid);
        let by_name = |known: &&PodEntry| {
            Some(&known.pod) == container.pod.as_ref()
                && Some(&known.namespace) == container.namespace.as_ref()
        };
        if let Some(known) = self.pods.iter().find(by_uid) {
            container.pod = Some(known.pod.clone());
            container.namespace = Some(known.namespace.clone());
        } else if container.pod_uid.is_none()
            && container.pod.is_some()
            && let [known] = self.pods.iter().filter(by_name).collect::<Vec<_>>().as_slice()
        {
            // A path that begins inside the reader's own pod leaves the uid out.
            container.pod_uid = Some(known.uid.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "b2a102854b4969b2ce98dc329c86b4fb2b06e4ad2cc8da9d8a7578c9cd2004a2";
    const UID: &str = "72f7f152-440c-66ac-9084-e0fc1d8a910c";

    fn names() -> KubeletNames {
        let mut names = KubeletNames::default();
        for entry in [
            format!("kube-system_coredns-5dd5756b68-4xk2p_{UID}"),
            "kube-system_etcd-node1_e039200acb850c82bb901653cc38ff6e".to_owned(),
            "lost+found".to_owned(),
            "a_b_c".to_owned(),
            format!("a_b_c_{UID}"),
        ] {
            names.add_pod(entry.as_bytes());
        }
        for entry in [
            format!("coredns-5dd5756b68-4xk2p_kube-system_core-dns-{ID}.log"),
            format!("no-suffix_kube-system_core-dns-{ID}"),
            "coredns_kube-system_coredns-0.log".to_owned(),
            "coredns_kube-system_coredns-b2a102854b49.log".to_owned(),
        ] {
            names.add_container(entry.as_bytes());
        }
        names
    }

    fn text(name: Option<&Vec<u8>>) -> String {
        name.map(|name| name.escape_ascii().to_string()).unwrap_or_default()
    }

    fn check(id: Option<&str>, uid: Option<&str>, expected: [&str; 4]) {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let mut container = Container { id: id.map(bytes), pod_uid: uid.map(bytes), ..Container::default() };
        names().fill(&mut container);
        let Container { pod_uid, namespace, pod, name, .. } = &container;
        let told = [pod_uid, namespace, pod, name].map(|name| text(name.as_ref()));
        assert_eq!(told, expected, "{id:?} {uid:?}");
    }

    #[test]
    fn ids_and_uids_lead_to_names() {
        let pod = "coredns-5dd5756b68-4xk2p";
        check(Some(ID), Some(UID), [UID, "kube-system", pod, "core-dns"]);
        check(Some(ID), None, [UID, "kube-system", pod, "core-dns"]);
        let sandbox = ID.replace('b', "c");
        check(Some(&sandbox), Some(UID), [UID, "kube-system", pod, ""]);
        let hash = "e039200acb850c82bb901653cc38ff6e";
        check(None, Some(hash), [hash, "kube-system", "etcd-node1", ""]);
        check(Some(&sandbox), None, ["", "", "", ""]);
        check(None, None, ["", "", "", ""]);
        check(Some("web"), None, ["", "", "", ""]);
    }

    #[test]
    fn a_name_that_was_cut_still_leads_to_its_container() {
        let pod = "p".repeat(200);
        let mut entry = format!("{pod}_ns_app-{ID}");
        entry.truncate(251);
        let mut names = KubeletNames::default();
        names.add_container(format!("{entry}.log").as_bytes());
        let mut container = Container { id: Some(ID.as_bytes().to_vec()), ..Container::default() };
        names.fill(&mut container);
        assert_eq!(text(container.name.as_ref()), "app");
        assert_eq!(text(container.pod.as_ref()), pod);
    }
}
