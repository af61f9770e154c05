//! What is written for others and read from them.

use proptest::prelude::*;

use super::super::{ism, stanag4774};
use super::{any_label, label, labels_of, of, table};

const CREATED: &str = "2026-11-25T12:00:00Z";

#[test]
fn a_stanag_4774_label_looks_like_this() {
    let text =
        stanag4774::write(table("nato"), &label("nato", "NATO SECRET ATOMAL RELEASABLE TO UKR"), CREATED).unwrap();
    let parts = [
        "<slab:originatorConfidentialityLabel xmlns:slab=\"urn:nato:stanag:4774:confidentialitymetadatalabel:1:0\">",
        "<slab:ConfidentialityInformation><slab:PolicyIdentifier>NATO</slab:PolicyIdentifier>",
        "<slab:Classification>SECRET</slab:Classification>",
        "<slab:Category Type=\"RESTRICTIVE\" TagName=\"special category\"><slab:GenericValue>ATOMAL</slab:GenericValue></slab:Category>",
        "<slab:Category Type=\"PERMISSIVE\" TagName=\"Releasable To\"><slab:GenericValue>NATO</slab:GenericValue>",
        "<slab:GenericValue>UKR</slab:GenericValue></slab:Category></slab:ConfidentialityInformation>",
        "<slab:CreationDateTime>2026-11-25T12:00:00Z</slab:CreationDateTime></slab:originatorConfidentialityLabel>",
    ];
    assert_eq!(text, parts.concat());
}

/// A document of another's making: the default namespace, spaces, an informative category, names run
/// together.
#[test]
fn a_stanag_4774_label_of_others_is_read() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
        <originatorConfidentialityLabel xmlns="urn:nato:stanag:4774:confidentialitymetadatalabel:1:0" Id="x">
          <ConfidentialityInformation>
            <PolicyIdentifier URI="urn:x">NATO</PolicyIdentifier> <!-- by hand -->
            <Classification>SECRET</Classification>
            <Category TagName="ReleasableTo" Type="PERMISSIVE">
              <GenericValue>GBR</GenericValue> <GenericValue>USA</GenericValue>
            </Category>
            <Category TagName="Context" Type="INFORMATIVE"><GenericValue>exercise</GenericValue></Category>
          </ConfidentialityInformation>
          <CreationDateTime>2026-03-21T10:30:00Z</CreationDateTime>
        </originatorConfidentialityLabel>"#;
    let read = stanag4774::read(table("nato"), text).unwrap();
    assert_eq!(table("nato").banner(&read).as_deref(), Ok("NATO SECRET ONLY GBR, USA"));
}

#[test]
fn a_malformed_stanag_4774_label_is_refused() {
    let good = stanag4774::write(table("us"), &label("us", "CUI//IL5//SP-CTI//REL TO USA, FRA"), CREATED).unwrap();
    for (from, to, said) in [
        ("<slab:PolicyIdentifier>US<", "<slab:PolicyIdentifier>NATO<", "the policy is `NATO`: this table reads `US`"),
        ("<slab:Classification>UNCLASSIFIED</slab:Classification>", "", "there must be one Classification"),
        (">UNCLASSIFIED<", ">OPEN<", "`OPEN` is no classification of this policy"),
        ("IL5", "IL7", "`IL7` is no value of the category `Impact Level`"),
        ("TagName=\"CUI\"", "TagName=\"SAP\"", "the category `SAP` of type RESTRICTIVE is not known"),
        ("SP-CTI", "SP-X", "`SP-X` is no value of the category `CUI`"),
        (">FRA<", ">FRANCE<", "`FRANCE` is no value of the category `Releasable To`"),
        ("Type=\"PERMISSIVE\"", "", "the category `Releasable To` of type  is not known"),
        ("slab:CreationDateTime", "slab:Forged", "`Forged` is not an element of a confidentiality label"),
        ("2026-11-25T12", "2026-11-25 12", "the time `2026-11-25 12:00:00Z` is not written as"),
        ("4774:confid", "4775:confid", "`originatorConfidentialityLabel` is not an element"),
        ("<slab:GenericValue>SP-CTI</slab:GenericValue>", "", "there must be one GenericValue"),
        ("</slab:originatorConfidentialityLabel>", "", "not well formed"),
    ] {
        assert!(good.contains(from), "{from}");
        let why = stanag4774::read(table("us"), &good.replace(from, to)).unwrap_err().to_string();
        assert!(why.contains(said), "{why}, not {said}");
    }
    let doctype = format!("<!DOCTYPE x [<!ENTITY e \"USA\">]>{good}");
    assert!(stanag4774::read(table("us"), &doctype).is_err());
    assert!(stanag4774::write(table("us"), &label("us", "SECRET"), "yesterday").is_err());
    assert!(stanag4774::write(table("us"), &label("fr", "SECRET"), CREATED).is_err());
}

#[test]
fn ism_attributes_look_like_this() {
    for (text, wanted) in [
        (
            "SECRET//SI/TK//OC/REL TO USA, FRA",
            "ism:classification=\"S\" ism:ownerProducer=\"USA\" ism:SCIcontrols=\"SI TK\" \
             ism:disseminationControls=\"OC REL\" ism:releasableTo=\"USA FRA\"/>",
        ),
        ("TOP SECRET", "ism:classification=\"TS\" ism:ownerProducer=\"USA\" ism:disseminationControls=\"NF\"/>"),
        (
            "CUI//IL5//SP-CTI",
            "ism:classification=\"U\" ism:ownerProducer=\"USA\" ism:compliesWith=\"USGov USA-CUI\" \
             entente:impactLevel=\"IL5\" ism:cuiSpecified=\"CTI\"/>",
        ),
    ] {
        let written = ism::write(table("us"), &label("us", text)).unwrap();
        assert!(written.ends_with(wanted), "{written}");
    }
    assert_eq!(ism::write(table("nato"), &label("nato", "NS")), Err(ism::IsmError::NotOfTable));
}

#[test]
fn ism_attributes_of_others_are_read() {
    let root = "<doc xmlns:i=\"urn:us:gov:ic:ism\" other=\"1\" i:ownerProducer=\"USA\" i:DESVersion=\"202405\" ";
    for (attributes, banner) in [
        (
            "i:classification=\"S\" i:disseminationControls=\"REL\" i:releasableTo=\"USA FVEY\"",
            "SECRET//REL TO USA, AUS, CAN, GBR, NZL",
        ),
        ("i:classification=\"S\" i:classifiedBy=\"x\"", "SECRET//NOFORN"),
        ("i:classification=\"U\"", "UNCLASSIFIED"),
        ("i:classification=\"U\" i:cuiSpecified=\"EXPT\"", "CUI//SP-EXPT"),
        ("i:classification=\"U\" i:compliesWith=\"USGov USA-CUI-ONLY\"", "CUI"),
        (
            "i:classification=\"TS\" i:SCIcontrols=\"SI SI-G\" i:atomicEnergyMarkings=\"FRD\"",
            "TOP SECRET//SI-G//FRD//NOFORN",
        ),
    ] {
        let read = ism::read(table("us"), &format!("{root}{attributes}><p/></doc>")).unwrap();
        assert_eq!(table("us").banner(&read).as_deref(), Ok(banner), "{attributes}");
    }
    for (attributes, said) in [
        ("", "the attribute `classification` is missing"),
        ("i:classification=\"X\"", "`X` is no value of `classification`"),
        ("i:classification=\"S\" i:SCIcontrols=\"ZZ\"", "`ZZ` is no value of `SCIcontrols`"),
        ("i:classification=\"S\" i:SARIdentifier=\"BP\"", "the attribute `SARIdentifier` is not known"),
        ("i:classification=\"S\" i:displayOnlyTo=\"FRA\"", "the attribute `displayOnlyTo` is not known"),
        ("i:classification=\"S\" i:disseminationControls=\"REL\"", "contradict each other"),
        ("i:classification=\"S\" i:releasableTo=\"USA FRA\"", "contradict each other"),
        (
            "i:classification=\"S\" i:disseminationControls=\"NF REL\" i:releasableTo=\"USA FRA\"",
            "contradict each other",
        ),
        (
            "i:classification=\"S\" i:disseminationControls=\"REL\" i:releasableTo=\"FRA\"",
            "`FRA` is no value of `releasableTo`",
        ),
        ("i:classification=\"C\" i:SCIcontrols=\"TK\"", "`TK` is used from SECRET up"),
        ("i:classification=\"S\" i:classification=\"U\"", "not well formed"),
        ("i:classification=\"S\" j:classification=\"U\"", "the prefix `j` stands for no namespace"),
    ] {
        let why = ism::read(table("us"), &format!("{root}{attributes}/>")).unwrap_err().to_string();
        assert!(why.contains(said), "{why}, not {said}");
    }
    let foreign = "<doc xmlns:i=\"urn:us:gov:ic:ism\" i:ownerProducer=\"FRA\" i:classification=\"S\"/>";
    assert!(ism::read(table("us"), foreign).is_err());
}

proptest! {
    #[test]
    fn every_label_comes_back_from_stanag_4774(label in any_label()) {
        let text = stanag4774::write(of(&label), &label, CREATED).unwrap();
        prop_assert_eq!(stanag4774::read(of(&label), &text), Ok(label), "{}", text);
    }

    #[test]
    fn every_label_of_the_table_comes_back_from_ism(label in labels_of("us")) {
        let text = ism::write(table("us"), &label).unwrap();
        prop_assert_eq!(ism::read(table("us"), &text), Ok(label), "{}", text);
    }

    #[test]
    fn any_document_is_read_or_refused(text in "[\\PC]*") {
        let _ = stanag4774::read(table("us"), &text);
        let _ = ism::read(table("us"), &text);
    }

    /// Documents that are nearly right go further into the readers.
    #[test]
    fn a_damaged_document_is_read_or_refused(
        label in labels_of("us"), at in any::<prop::sample::Index>(), with in "[<>&;\"'/a-zA-Z \\PC]{0,6}"
    ) {
        for good in [stanag4774::write(table("us"), &label, CREATED).unwrap(), ism::write(table("us"), &label).unwrap()] {
            let mut text: Vec<char> = good.chars().collect();
            let at = at.index(text.len());
            text.splice(at..=at, with.chars());
            let text: String = text.into_iter().collect();
            for read in [stanag4774::read(table("us"), &text).ok(), ism::read(table("us"), &text).ok()].into_iter().flatten() {
                prop_assert_eq!(table("us").check(&read), Ok(()));
            }
        }
    }
}
