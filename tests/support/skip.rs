//! Why a test may not run here. As root none may skip on a kernel that is new enough for it.

use std::fmt;

/// What a test needs and this user, machine or kernel has not.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Skip {
    /// The test needs root.
    NeedsRoot,
    /// The test needs a network namespace of its own, which only root can make.
    NeedsNetns,
    /// The test compares with `ss` of iproute2.
    NeedsIproute2,
    /// The test watches a real program, which this package of Debian has.
    #[allow(dead_code, reason = "some programs of tests need it")]
    NeedsPackage(&'static str),
    /// The test needs a part of the kernel that not every one is built with.
    #[allow(dead_code, reason = "some programs of tests need it")]
    NeedsModule(&'static str),
    /// The test is about something that kernels have from this version on.
    NeedsKernel([u32; 2], &'static str),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skip::NeedsRoot => f.write_str("needs root"),
            Skip::NeedsNetns => f.write_str("needs a network namespace of its own (root)"),
            Skip::NeedsIproute2 => f.write_str("needs ss (apt-get install iproute2)"),
            Skip::NeedsPackage(package) => write!(f, "needs a program (apt-get install {package})"),
            Skip::NeedsModule(module) => write!(f, "needs a kernel that was built with {module}"),
            Skip::NeedsKernel([major, minor], what) => write!(f, "needs Linux {major}.{minor} ({what})"),
        }
    }
}

/// Prints that a test, or a part of it, does not run, and why.
///
/// # Panics
/// Where nothing is lacking: the kernel is new enough, or, of what no kernel lacks, the user is root.
pub(crate) fn skip(why: Skip) {
    match why {
        Skip::NeedsKernel(since, _) => assert!(kernel() < since, "skipped on a newer kernel: {why}"),
        Skip::NeedsModule(_) => {}
        Skip::NeedsRoot | Skip::NeedsNetns | Skip::NeedsIproute2 | Skip::NeedsPackage(_) => {
            assert!(!is_root(), "skipped as root: {why}");
        }
    }
    println!("skipped: {why}");
}

/// The running kernel's release, its first two numbers.
pub(crate) fn kernel() -> [u32; 2] {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("/proc is mounted");
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().expect("a number"));
    [(); 2].map(|()| numbers.next().expect("major and minor"))
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
