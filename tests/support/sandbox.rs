//! Threads that may not make a system call.

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule};

/// A filter for one system call: that with all arguments, or only what a rule says.
pub(crate) fn filter(call: i64, rules: Vec<SeccompRule>, then: SeccompAction) -> BpfProgram {
    let arch = std::env::consts::ARCH.try_into().expect("seccompiler knows it");
    let rules = [(call, rules)].into_iter().collect();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, then, arch).expect("a filter");
    filter.try_into().expect("it compiles")
}

/// Narrows this thread.
pub(crate) fn apply(filter: &BpfProgram) {
    seccompiler::apply_filter(filter).expect("any thread may narrow itself");
}

/// Runs `inside` on a thread that is narrowed so.
pub(crate) fn within<T: Send>(filter: &BpfProgram, inside: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            apply(filter);
            inside()
        });
        thread.join().expect("it does not panic")
    })
}
