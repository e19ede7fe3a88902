//! Paths as they stand in /proc/PID/cgroup of real hosts.

use crate::container::identity::Cgroup;
use crate::model::container::{Container, Runtime};

const ID: &str = "4088e78945f24d32ca3e1b09f097704c9c92e70f525a553fef8da2e6c7f333fd";
const INNER: &str = "b2a102854b4969b2ce98dc329c86b4fb2b06e4ad2cc8da9d8a7578c9cd2004a2";
const UID: &str = "e060d9f5-4f41-4153-8daf-4a7ee2a7eaad";

/// What a path must tell: runtime, id, pod uid, unit.
type Told = (Option<Runtime>, Option<&'static str>, Option<&'static str>, Option<&'static str>);

const NOTHING: Told = (None, None, None, None);

fn check(path: &str, (runtime, id, pod_uid, unit): Told) {
    let path = path.replace("ID", ID).replace("INNER", INNER);
    let cgroup = Cgroup::of_path(path.as_bytes());
    let bytes = |text: &str| text.as_bytes().to_vec();
    let is_machine = matches!(runtime, Some(Runtime::Lxc | Runtime::Nspawn));
    let container = (id.is_some() || pod_uid.is_some()).then(|| Container {
        runtime,
        id: id.map(bytes),
        pod_uid: pod_uid.map(bytes),
        name: id.filter(|_| is_machine).map(bytes),
        ..Container::default()
    });
    let unit = unit.map(bytes);
    assert_eq!(cgroup, Cgroup { path: bytes(&path), unit, container }, "{path}");
}

#[test]
fn docker() {
    let docker: Told = (Some(Runtime::Docker), Some(ID), None, None);
    check("/docker/ID", docker);
    check("/system.slice/docker-ID.scope", docker);
    check("/system.slice:docker:ID", docker);
    check("/docker/ID/init", docker);
    check("/../../system.slice/docker-ID.scope", docker);
    check("/system.slice/docker-ID.scope (deleted)", docker);
    let rootless = (Some(Runtime::Docker), Some(ID), None, Some("user@1000.service"));
    check("/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope", rootless);
    check("/docker/ID/docker/INNER", (Some(Runtime::Docker), Some(INNER), None, None));
    let inside = (Some(Runtime::Docker), Some(ID), None, Some("nginx.service"));
    check("/system.slice/docker-ID.scope/system.slice/nginx.service", inside);
    check("/actions_job/ID", (None, Some(ID), None, None));
}

#[test]
fn containerd() {
    let containerd: Told = (Some(Runtime::Containerd), Some(ID), None, None);
    check("/system.slice/nerdctl-ID.scope", containerd);
    check("/default/ID", containerd);
    let under_its_service = (Some(Runtime::Containerd), Some(ID), None, Some("containerd.service"));
    check("/system.slice/containerd.service/cri-containerd-ID.scope", under_its_service);
}

#[test]
fn podman() {
    let podman: Told = (Some(Runtime::Podman), Some(ID), None, None);
    check("/machine.slice/libpod-ID.scope", podman);
    check("/machine.slice/libpod-ID.scope/container", podman);
    check("/libpod_parent/libpod-ID", podman);
    check("/libpod_parent/libpod-ID/ctr", podman);
    check("/machine.slice/machine-libpod_pod_INNER.slice/libpod-ID.scope/container", podman);
    let rootless = (Some(Runtime::Podman), Some(ID), None, Some("user@1000.service"));
    check("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container", rootless);
    let quadlet = (Some(Runtime::Podman), Some(ID), None, Some("redis.service"));
    check("/system.slice/redis.service/libpod-payload-ID", quadlet);
    check("/user.slice/user-1000.slice/user@1000.service/app.slice/redis.service/libpod-payload-ID", quadlet);
    check("/system.slice/redis.service/runtime", (None, None, None, Some("redis.service")));
    let monitor = Cgroup::of_path(format!("/machine.slice/libpod-conmon-{ID}.scope").as_bytes());
    assert_eq!(monitor.unit, Some(format!("libpod-conmon-{ID}.scope").into_bytes()));
    assert_eq!(monitor.container, None);
}

#[test]
fn kubernetes_with_cgroupfs() {
    let pod: Told = (None, Some(ID), Some(UID), None);
    check("/kubepods/podUID/ID".replace("UID", UID).as_str(), pod);
    check(&format!("/kubepods/burstable/pod{UID}/ID"), pod);
    check(&format!("/kubepods/besteffort/pod{UID}/ID"), pod);
    check(
        &format!("/kubepods/besteffort/pod{UID}/crio-ID"),
        (Some(Runtime::CriO), Some(ID), Some(UID), None),
    );
    check(&format!("/kubepods/besteffort/pod{UID}/crio-conmon-ID"), (None, None, Some(UID), None));
    check(&format!("/kubepods/burstable/pod{UID}"), (None, None, Some(UID), None));
    let static_pod = (None, Some(ID), Some("e039200acb850c82bb901653cc38ff6e"), None);
    check("/kubepods/burstable/pode039200acb850c82bb901653cc38ff6e/ID", static_pod);
    // As a pod with a cgroup namespace of its own sees its neighbours.
    check("/../../pode039200acb850c82bb901653cc38ff6e/ID", static_pod);
    check(&format!("/../../../burstable/pod{UID}/ID"), pod);
    // A node that is itself a container.
    check(&format!("/docker/INNER/kubelet/kubepods/burstable/pod{UID}/ID"), pod);
    // Docker inside a pod.
    check(
        &format!("/kubepods/burstable/pod{UID}/ID/docker/INNER"),
        (Some(Runtime::Docker), Some(INNER), Some(UID), None),
    );
}

#[test]
fn kubernetes_with_systemd() {
    let uid = UID.replace('-', "_");
    let slice =
        |class: &str| format!("/kubepods.slice/kubepods-{class}.slice/kubepods-{class}-pod{uid}.slice");
    let containerd: Told = (Some(Runtime::Containerd), Some(ID), Some(UID), None);
    for class in ["burstable", "besteffort"] {
        check(&format!("{}/cri-containerd-ID.scope", slice(class)), containerd);
        check(&format!("{}/crio-ID.scope", slice(class)), (Some(Runtime::CriO), Some(ID), Some(UID), None));
        check(
            &format!("{}/docker-ID.scope", slice(class)),
            (Some(Runtime::Docker), Some(ID), Some(UID), None),
        );
        check(&slice(class), (None, None, Some(UID), None));
    }
    check(&format!("/kubepods.slice/kubepods-pod{uid}.slice/cri-containerd-ID.scope"), containerd);
    check(&format!("/kubepods.slice/kubepods-pod{uid}.slice/crio-ID.scope/container"), {
        (Some(Runtime::CriO), Some(ID), Some(UID), None)
    });
    check(&format!("/kubepods-besteffort-pod{uid}.slice:cri-containerd:ID"), containerd);
    check(
        &format!("/system.slice/containerd.service/kubepods-pod{uid}.slice:cri-containerd:ID"),
        (Some(Runtime::Containerd), Some(ID), Some(UID), Some("containerd.service")),
    );
    check(
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pode039200acb850c82bb901653cc38ff6e.slice/\
         cri-containerd-ID.scope",
        (Some(Runtime::Containerd), Some(ID), Some("e039200acb850c82bb901653cc38ff6e"), None),
    );
    // A node that is itself a container, with a root of its own for pods.
    let kind = "/system.slice/docker-INNER.scope/kubelet.slice/kubelet-kubepods.slice/\
                kubelet-kubepods-besteffort.slice";
    check(&format!("{kind}/kubelet-kubepods-besteffort-pod{uid}.slice/cri-containerd-ID.scope"), containerd);
    check(&format!("/../../kubepods-besteffort-pod{uid}.slice/cri-containerd-ID.scope"), containerd);
    check("/../cri-containerd-ID.scope", (Some(Runtime::Containerd), Some(ID), None, None));
    check("/kubepods.slice/kubepods-besteffort.slice", NOTHING);
}

#[test]
fn lxc() {
    let told = |name, unit| (Some(Runtime::Lxc), Some(name), None, unit);
    check("/lxc/web1", told("web1", None));
    check("/lxc/101/ns/system.slice/nginx.service", told("101", Some("nginx.service")));
    check("/lxc.payload/web1", told("web1", None));
    check("/lxc.payload.waydroid", told("waydroid", None));
    check(
        "/lxc.payload.gha-fleet_worker/system.slice/cron.service",
        told("gha-fleet_worker", Some("cron.service")),
    );
    check("/lxc.monitor.web1", NOTHING);
    check("/lxc.monitor/101", NOTHING);
    check(r"/machine.slice/machine-lxc\x2d31322\x2dweb\x2d1.scope", told("web-1", None));
    check("/lxc.payload.node/docker/ID", (Some(Runtime::Docker), Some(ID), None, None));
    check("/lxc", NOTHING);
}

#[test]
fn nspawn() {
    let told = |name, unit| (Some(Runtime::Nspawn), Some(name), None, unit);
    check("/machine.slice/systemd-nspawn@web-1.service/payload", told("web-1", None));
    check(
        "/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service",
        told("web", Some("nginx.service")),
    );
    check(r"/machine.slice/machine-web\x2d1.scope/payload/init.scope", told("web-1", Some("init.scope")));
    let supervisor = (None, None, None, Some("systemd-nspawn@web.service"));
    check("/machine.slice/systemd-nspawn@web.service/supervisor", supervisor);
}

#[test]
fn no_container() {
    let unit = |unit| (None, None, None, Some(unit));
    check("/system.slice/nginx.service", unit("nginx.service"));
    check("/system.slice/nginx.service/worker", unit("nginx.service"));
    check("/system.slice/system-getty.slice/getty@tty1.service", unit("getty@tty1.service"));
    check("/../../../system.slice/containerd.service", unit("containerd.service"));
    check("/init.scope", unit("init.scope"));
    check("/user.slice/user-1000.slice/session-3.scope", unit("session-3.scope"));
    check("/user.slice/user-1000.slice/user@1000.service/init.scope", unit("init.scope"));
    let bus = r"dbus-:1.2-org.gnome.Shell@0.service";
    check(&format!("/user.slice/user-1000.slice/user@1000.service/app.slice/{bus}"), {
        (None, None, None, Some(r"dbus-:1.2-org.gnome.Shell@0.service"))
    });
    let machine = r"machine-qemu\x2d1\x2dvm.scope";
    check(&format!("/machine.slice/{machine}/libvirt/emulator"), unit(r"machine-qemu\x2d1\x2dvm.scope"));
    for path in
        ["/", "", "/process_api/272e15c90dc685aca0c93bc20afee65b", "/user.slice", "//", "/pods/podium"]
    {
        check(path, NOTHING);
    }
}

/// The path that a whole file leads to.
fn check_file(file: &str, expected: Option<&str>) {
    let path = Cgroup::of_process(file.as_bytes()).map(|cgroup| cgroup.path);
    assert_eq!(path, expected.map(|path| path.as_bytes().to_vec()), "{file}");
}

#[test]
fn files() {
    check_file("0::/system.slice/nginx.service\n", Some("/system.slice/nginx.service"));
    check_file("0::/\n", Some("/"));
    check_file("", None);
    check_file("nonsense\n7\n8:cpu\n", None);
    // Version 1 alone.
    check_file("12:pids:/a\n9:cpu,memory:/b\n2:freezer:/c\n1:name=systemd:/d\n", Some("/b"));
    check_file(
        "2:freezer:/\n1:name=systemd:/system.slice/cron.service\n",
        Some("/system.slice/cron.service"),
    );
    // Both: version 2 is where the daemon was that made the container.
    let hybrid =
        format!("12:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}\n0::/system.slice/containerd.service\n");
    check_file(&hybrid, Some(&format!("/docker/{ID}")));
    let hybrid = "4:memory:/system.slice/nginx.service\n1:name=systemd:/system.slice/nginx.service\n0::/system.slice/nginx.service\n";
    check_file(hybrid, Some("/system.slice/nginx.service"));
    check_file("9:name=systemd:/\n4:memory:/jobs/7\n0::/\n", Some("/jobs/7"));
    check_file("4:memory:/a:b:c\n", Some("/a:b:c"));
}

#[test]
fn names_may_be_any_bytes() {
    let file = b"0::/system.slice/\xff\x1b[2J.service\n";
    let cgroup = Cgroup::of_process(file).unwrap_or_default();
    assert_eq!(cgroup.unit, Some(b"\xff\x1b[2J.service".to_vec()));
}

proptest::proptest! {
    /// Any text is read to its end, and a path that is told stands in it.
    #[test]
    fn any_bytes_are_read(file: Vec<u8>, parts in "(0::|4:memory:)(/(pod|lxc|[a-f0-9]{64}|:|\\\\x2|_|-pod){0,2}){0,4}(\\.slice|\\.scope)?") {
        for file in [file.as_slice(), parts.as_bytes()] {
            if let Some(cgroup) = Cgroup::of_process(file) {
                proptest::prop_assert!(file.windows(cgroup.path.len()).any(|part| part == cgroup.path));
            }
        }
    }
}
