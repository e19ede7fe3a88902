//! What to call a descriptor.

use skcheck_core::Holder;

/// A descriptor, and the thread whose own table it is in; or that there is none.
pub(in crate::output) fn descriptor(holder: &Holder) -> String {
    match holder.tid {
        _ if holder.number().is_none() => "a mapping".to_owned(),
        Some(tid) => format!("fd {} of thread {tid}", holder.fd),
        None => format!("fd {}", holder.fd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_of_threads() {
        assert_eq!(descriptor(&Holder::new(4711, 5)), "fd 5");
        assert_eq!(descriptor(&Holder::of_thread(4711, 4712, 5)), "fd 5 of thread 4712");
        assert_eq!(descriptor(&Holder::of_mapping(4711)), "a mapping");
    }
}
