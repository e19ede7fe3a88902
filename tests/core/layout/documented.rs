//! What the documents list of protocols, families and tables: all that there are.

use std::path::Path;

use skcheck_core::{Protocol, Table};

/// The line of a document that begins so.
fn line(document: &str, beginning: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(document);
    let text = std::fs::read_to_string(path).expect("a document");
    text.lines().find(|line| line.starts_with(beginning)).expect("the list").to_owned()
}

#[test]
fn every_protocol_is_documented() {
    let protocols = line("docs/json.md", "| `protocol` | `tcp`");
    let flags = line("README.md", "Each protocol has a flag (");
    for protocol in Protocol::ALL {
        let (name, flag) = (protocol.name(), protocol.flag());
        assert!(protocols.contains(&format!("`{name}`")), "{name} is not in docs/json.md");
        // These have a letter.
        let letter = [("tcp", "`-t`"), ("udp", "`-u`"), ("unix", "`-x`")].into_iter().find(|it| it.0 == flag);
        let switch = letter.map_or_else(|| format!("`--{flag}`"), |(_, letter)| letter.to_owned());
        assert!(flags.contains(&switch), "{switch} is not in README.md");
    }
}

#[test]
fn every_family_is_documented() {
    let families = line("docs/json.md", "| `family` | `inet`");
    for table in Table::ALL {
        let name = table.family().name();
        assert!(families.contains(&format!("`{name}`")), "{name} is not in docs/json.md");
    }
}

#[test]
fn every_table_is_documented() {
    let tables = line("docs/json.md", "| `leaked` |");
    for table in Table::ALL {
        let name = table.short_name();
        assert!(tables.contains(&format!("`{name}`")), "{name} is not in docs/json.md");
        assert!(table.name() == name || table.name().starts_with(&format!("{name} over IPv")), "{table:?}");
    }
}
