use super::*;

#[test]
fn widths() {
    assert_eq!(terminal_width(132, Some("70")), 132);
    assert_eq!(terminal_width(0, Some("70")), 70);
    assert_eq!(terminal_width(0, Some("wide")), 80);
    assert_eq!(terminal_width(0, Some("0")), 80);
    assert_eq!(terminal_width(0, None), 80);
}

#[test]
fn charsets() {
    let check = |set: &[(&str, &str)], expected: Charset| {
        let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        assert_eq!(charset(variable), expected, "{set:?}");
    };
    check(&[], Charset::Ascii);
    check(&[("LANG", "C")], Charset::Ascii);
    check(&[("LANG", "de_DE.UTF-8")], Charset::Utf8);
    check(&[("LC_ALL", "C"), ("LANG", "C.UTF-8")], Charset::Ascii);
    check(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")], Charset::Utf8);
}
