//! Patterns over names that are bytes. Pure.

/// Whether the whole of `name` matches `pattern`: `*` stands for any bytes (`/` included), `?` for
/// one byte, everything else for itself.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut pattern_at) = (0, 0);
    // Where to go on when what follows the last `*` does not fit: that `*` takes one byte more.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(at) {
        match (pattern.get(pattern_at), retry) {
            (Some(b'*'), _) => {
                pattern_at += 1;
                retry = Some((pattern_at, at));
            }
            (Some(wanted), _) if *wanted == b'?' || wanted == byte => {
                pattern_at += 1;
                at += 1;
            }
            (_, Some((after_star, taken))) => {
                retry = Some((after_star, taken + 1));
                (pattern_at, at) = (after_star, taken + 1);
            }
            (_, None) => return false,
        }
    }
    pattern.get(pattern_at..).is_some_and(|rest| rest.iter().all(|&b| b == b'*'))
}

#[cfg(test)]
mod tests {
    use crate::glob::matches;

    #[test]
    fn patterns() {
        let all: [(&[u8], &[u8], bool); 16] = [
            (b"/system.slice/nginx.service", b"/system.slice/nginx.service", true),
            (b"/system.slice/*", b"/system.slice/a/b", true),
            (b"*nginx*", b"/system.slice/nginx.service", true),
            (b"*nginx", b"/system.slice/nginx.service", false),
            (b"*.service", b"/a.service/b.service", true),
            (b"nginx", b"/nginx", false),
            (b"/a?c", b"/abc", true),
            (b"/a?c", b"/ac", false),
            (b"", b"", true),
            (b"", b"a", false),
            (b"*", b"", true),
            (b"?", b"", false),
            (b"**a**", b"bab", true),
            (b"*ab*abc", b"xabyabababc", true),
            (b"\xff*", b"\xff\x00", true),
            (b"a*b*c*d*e*f*g*h", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ];
        for (pattern, name, expected) in all {
            assert_eq!(
                matches(pattern, name),
                expected,
                "{} {}",
                pattern.escape_ascii(),
                name.escape_ascii()
            );
        }
    }
}
