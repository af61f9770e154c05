//! From table to table: what is shipped, and what is refused.

use proptest::prelude::*;

use super::super::{TRANSLATIONS, Tables};
use super::{label, labels_of, table};
use model::Label;

fn translate(from: &str, to: &str, text: &str) -> Option<String> {
    let translation = Tables::shipped().translation(table(from).id(), table(to).id()).unwrap();
    let other = translation.apply(&label(from, text))?;
    Some(table(to).banner(&other).unwrap())
}

#[test]
fn marks_become_those_of_the_other_table() {
    for (from, to, text, becomes) in [
        ("nato", "us", "NATO UNCLASSIFIED RELEASABLE TO THE PUBLIC", Some("UNCLASSIFIED")),
        ("nato", "us", "NATO SECRET ONLY FRA, USA", Some("SECRET//REL TO USA, FRA")),
        ("nato", "us", "COSMIC TOP SECRET ATOMAL ONLY USA", Some("TOP SECRET//RD//NOFORN")),
        ("nato", "us", "NATO SECRET CRYPTO", None),
        ("fr", "nato", "TRÈS SECRET", Some("COSMIC TOP SECRET ONLY FRA")),
        ("fr", "nato", "DIFFUSION RESTREINTE - CRYPTO", None),
        ("eu", "nato", "LIMITE ONLY DEU, FRA", Some("NATO RESTRICTED ONLY DEU, FRA")),
    ] {
        assert_eq!(translate(from, to, text).as_deref(), becomes, "{text}");
    }
    let nato = Tables::shipped().translation(table("nato").id(), table("us").id()).unwrap();
    assert_eq!(nato.apply(&Label::LOWEST), None);
    assert!(Tables::shipped().translation(table("us").id(), table("nato").id()).is_none());
}

#[test]
fn a_translation_that_is_not_proven_does_not_load() {
    let nato = TRANSLATIONS[0];
    for (from, to, said) in [
        ("= \"SECRET\"", "= \"CONFIDENTIAL\"", "becomes a lower level"),
        ("= \"CUI\"", "= \"UNCLASSIFIED\"", "becomes a lower level"),
        (
            "\"NATO CONFIDENTIAL\" = \"CONFIDENTIAL\"",
            "\"NATO CONFIDENTIAL\" = \"TOP SECRET\"",
            "and what it becomes is not below",
        ),
        ("ATOMAL = [\"RD\"]", "ATOMAL = []", "loses a compartment"),
        ("ATOMAL = [\"RD\"]", "ATOMAL = [\"TK\"]", "becomes what no label is: `TK` is used from SECRET up"),
        ("ATOMAL = [\"RD\"]", "ATOMAL = [\"ZZ\"]", "`us` has no compartment `ZZ`"),
        ("\"NATO SECRET\" =", "\"NATO SECRETS\" =", "`nato` has no level `NATO SECRETS`"),
        ("to = \"us\"", "to = \"nato\"", "a table is not translated into itself"),
        ("to = \"us\"", "to = \"jp\"", "there is no table `jp`"),
        ("[levels]", "[level]", "unknown field `level`"),
    ] {
        assert!(nato.contains(from), "{from}");
        let why = Tables::shipped().clone().add_translation(&nato.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(why.contains(said), "{why}, not {said}");
    }
    let empty = "from = \"nato\"\nto = \"us\"\n[levels]\n";
    assert!(Tables::shipped().clone().add_translation(empty).unwrap_err().to_string().contains("translates no label"));
}

/// A table to which a proven translation leads, but with an integrity that the other does not name.
#[test]
fn a_translation_into_a_table_without_the_words_does_not_load() {
    let mut tables = Tables::shipped().clone();
    let own = super::super::SHIPPED[0]
        .replacen("id = 0", "id = 40000", 1)
        .replacen("name = \"us\"", "name = \"own\"", 1)
        .replacen("below_highest = 64", "below_highest = 63", 1);
    tables.add_table(&own).unwrap();
    let why = tables.add_translation(&TRANSLATIONS[0].replacen("to = \"us\"", "to = \"own\"", 1)).unwrap_err();
    assert!(why.to_string().contains("no integrity of the table is 64 below the highest"), "{why}");
}

proptest! {
    /// What the enumeration proves over samples, over labels of every kind.
    #[test]
    fn translations_keep_the_order_and_withhold_no_less(one in labels_of("nato"), other in labels_of("nato")) {
        let translation = Tables::shipped().translation(table("nato").id(), table("us").id()).unwrap();
        for (lower, upper) in [(one, other), (one.meet(&other).unwrap(), one), (one, one.join(&other).unwrap())] {
            let (Some(low), Some(high)) = (translation.apply(&lower), translation.apply(&upper)) else { continue };
            if lower <= upper {
                prop_assert!(low <= high);
            }
            prop_assert!(lower.parts().withheld.is_subset(low.parts().withheld));
            prop_assert_eq!(table("us").check(&low), Ok(()));
        }
    }
}
