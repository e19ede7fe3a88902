use super::*;

#[test]
fn pressure() {
    let all: [(&str, Option<Pressure>); 6] = [
        (
            "some avg10=1.23 avg60=0.04 avg300=100.00 total=5\nfull avg10=0.00 avg60=0.10 avg300=9.99 total=0\n",
            Some(Pressure { some: [123, 4, 10_000], full: [0, 10, 999] }),
        ),
        ("some avg10=1.23 avg60=0.04 avg300=100.00 total=5\n", None),
        ("some avg10=1.2 avg60=0.04 avg300=0.00\nfull avg10=0.00 avg60=0.00 avg300=0.00\n", None),
        ("some avg10=99999999999.00 avg60=0.04 avg300=0.00\nfull avg10=0.00 avg60=0.00 avg300=0.00\n", None),
        ("some\nfull\n", None),
        ("", None),
    ];
    for (file, expected) in all {
        assert_eq!(Pressure::parse(file.as_bytes()), expected, "{file}");
    }
}
