//! The BPF engine against the kernel that runs: every number is compared with what was made.
