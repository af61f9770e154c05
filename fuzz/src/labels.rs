//! Labels as people and their documents write them.
#![expect(clippy::expect_used, reason = "to stop is what a fuzzer waits for")]

use policy::labels::{Tables, ism, stanag4774};

/// When a document says that it was written.
const CREATED: &str = "2026-01-01T00:00:00Z";

/// A mark, by each policy table.
pub fn mark(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for table in Tables::shipped().iter() {
        let Ok(label) = table.parse(text) else { continue };
        assert!(label.dominates(&table.lowest()));
        let written = table.banner(&label).expect("what was read is written");
        assert_eq!(table.parse(&written).ok(), Some(label), "`{text}` became `{written}`");
    }
}

/// A confidentiality label of STANAG 4774 or attributes of IC-ISM, by each table.
pub fn document(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for table in Tables::shipped().iter() {
        if let Ok(label) = stanag4774::read(table, text)
            && let Ok(written) = stanag4774::write(table, &label, CREATED)
        {
            assert_eq!(stanag4774::read(table, &written).ok(), Some(label), "{text}\nbecame\n{written}");
        }
        if let Ok(label) = ism::read(table, text)
            && let Ok(written) = ism::write(table, &label)
        {
            assert_eq!(ism::read(table, &written).ok(), Some(label), "{text}\nbecame\n{written}");
        }
    }
}
