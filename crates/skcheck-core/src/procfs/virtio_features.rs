//! /sys/bus/virtio/devices/DEVICE/features (`features_show`).

/// Whether a device and its driver have agreed on this feature: a digit for each.
pub(crate) fn has(features: &[u8], bit: usize) -> bool {
    features.get(bit) == Some(&b'1')
}
