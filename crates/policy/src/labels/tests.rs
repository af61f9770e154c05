mod formats;
mod translations;

use model::Integrity;
use model::label::Parts;
use model::{Compartments, Label, Nations, TableId};
use proptest::prelude::*;

use super::table::Mark;
use super::*;

fn table(name: &str) -> &'static Table {
    Tables::shipped().named(name).unwrap()
}

fn label(name: &str, text: &str) -> Label {
    table(name).parse(text).unwrap_or_else(|why| panic!("{name}: {text}: {why}"))
}

/// Any label the table has words for: a level, some compartments with what they are part of, a kind of
/// releasability, an integrity.
fn labels_of(name: &'static str) -> impl Strategy<Value = Label> {
    let table = table(name);
    let marks: Vec<&Mark> = table.compartments().collect();
    let integrities: Vec<Integrity> =
        table.marks.iter().filter_map(Mark::integrity).chain([Integrity::HIGHEST]).collect();
    let some = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    let nations = prop::collection::vec(0..250_u8, 0..6);
    (0..table.levels.len(), some, 0..6_usize, nations, prop::sample::select(integrities))
        .prop_map(move |(level, chosen, kind, nations, integrity)| {
            let some: Nations = nations.into_iter().map(Nations::one).collect();
            let released =
                [Nations::ALL, table.owner, table.owner.union(some), some, Nations::NONE, table.nations.all()][kind];
            let chosen = chosen.iter().filter(|_| !marks.is_empty());
            Label::new(Parts {
                table: table.id(),
                level: table.levels[level].level,
                integrity,
                compartments: chosen.filter_map(|index| index.get(&marks).compartments()).collect(),
                withheld: released.complement(),
            })
        })
        .prop_filter("the table has words for it", move |label| table.check(label).is_ok())
}

fn any_label() -> impl Strategy<Value = Label> {
    prop_oneof![labels_of("us"), labels_of("nato"), labels_of("eu"), labels_of("fr")]
}

fn of(label: &Label) -> &'static Table {
    Tables::shipped().of(label).unwrap()
}

#[test]
fn the_shipped_tables_load_and_table_0_begins_where_old_records_are() {
    let tables = Tables::load_shipped().unwrap_or_else(|why| panic!("{why}"));
    let names: Vec<(u16, &str)> = tables.iter().map(|table| (table.id().0, table.name())).collect();
    assert_eq!(names, [(0, "us"), (1, "nato"), (2, "eu"), (3, "fr")]);
    assert_eq!(label("us", "UNCLASSIFIED"), Label::LOWEST);
    assert_eq!(tables.by_id(TableId(0)).map(|us| us.banner(&Label::LOWEST)), Some(Ok("UNCLASSIFIED".into())));
    for table in tables.iter() {
        assert!(table.banner(&table.lowest()).is_ok(), "{}", table.name());
    }
    assert!(tables.named("jp").is_none());
}

/// What is written, what it is read as in full and in short.
#[test]
fn marks_are_read_and_written() {
    for (name, written, banner, portion) in [
        ("us", "UNCLASSIFIED", "UNCLASSIFIED", "(U)"),
        ("us", "u", "UNCLASSIFIED", "(U)"),
        ("us", "UNCLASSIFIED//NOFORN", "UNCLASSIFIED//NOFORN", "(U//NF)"),
        ("us", "UNCLASSIFIED//FOUO", "CUI", "(CUI)"),
        ("us", "U//IL4", "CUI", "(CUI)"),
        ("us", "U/IL5", "CUI//IL5", "(CUI//IL5)"),
        ("us", "CUI//SP-CTI//NOFORN", "CUI//SP-CTI//NOFORN", "(CUI//SP-CTI//NF)"),
        ("us", "SECRET", "SECRET//NOFORN", "(S//NF)"),
        ("us", "S/IL6", "SECRET//NOFORN", "(S//NF)"),
        ("us", "secret // si // rel to usa , fra", "SECRET//SI//REL TO USA, FRA", "(S//SI//REL TO USA, FRA)"),
        ("us", "(S//SI//REL TO USA, FRA)", "SECRET//SI//REL TO USA, FRA", "(S//SI//REL TO USA, FRA)"),
        ("us", "S//REL FRA, USA", "SECRET//REL TO USA, FRA", "(S//REL TO USA, FRA)"),
        ("us", "TOP SECRET//SI/TK//NOFORN", "TOP SECRET//SI/TK//NOFORN", "(TS//SI/TK//NF)"),
        ("us", "TS//SI-G/TK//OC/NF", "TOP SECRET//SI-G/TK//ORCON/NOFORN", "(TS//SI-G/TK//OC/NF)"),
        ("us", "TS//RD-CNWDI//NF/PR", "TOP SECRET//RD-CNWDI//NOFORN/PROPIN", "(TS//RD-N//NF/PR)"),
        ("us", "S//REL TO USA, FVEY", "SECRET//REL TO USA, AUS, CAN, GBR, NZL", "(S//REL TO USA, AUS, CAN, GBR, NZL)"),
        ("us", "S//SI//ONLY FRA", "SECRET//SI//ONLY FRA", "(S//SI//ONLY FRA)"),
        ("us", "TS//ONLY NOBODY", "TOP SECRET//ONLY NOBODY", "(TS//ONLY NOBODY)"),
        ("us", "S//NF//INTEGRITY CHECKED", "SECRET//NOFORN//INTEGRITY CHECKED", "(S//NF//I-CHECKED)"),
        ("nato", "NATO SECRET", "NATO SECRET", "(NS)"),
        ("nato", "cosmic  top secret atomal", "COSMIC TOP SECRET ATOMAL", "(CTS ATOMAL)"),
        ("nato", "NU RELEASABLE TO THE PUBLIC", "NATO UNCLASSIFIED RELEASABLE TO THE PUBLIC", "(NU PUBLIC)"),
        ("nato", "NATO SECRET RELEASABLE TO UKR, AUT", "NATO SECRET RELEASABLE TO AUT, UKR", "(NS REL TO AUT, UKR)"),
        ("eu", "secret ue", "SECRET UE/EU SECRET EU MEMBERS", "(S-UE/EU-S EU MEMBERS)"),
        ("eu", "TRES SECRET UE/EU TOP SECRET", "TRÈS SECRET UE/EU TOP SECRET EU MEMBERS", "(TS-UE/EU-TS EU MEMBERS)"),
        ("eu", "R-UE/EU-R REL TO NOR", "RESTREINT UE/EU RESTRICTED RELEASABLE TO NOR", "(R-UE/EU-R REL TO NOR)"),
        ("eu", "public", "PUBLIC", "(PUBLIC)"),
        ("fr", "tres secret", "TRÈS SECRET - SPÉCIAL FRANCE", "(TS - SF)"),
        ("fr", "SECRET - COMMUNICABLE À DEU", "SECRET - COMMUNICABLE À DEU", "(S - REL TO DEU)"),
        ("fr", "non protégé", "NON PROTÉGÉ", "(NP)"),
        ("fr", "DIFFUSION RESTREINTE - CRYPTO", "DIFFUSION RESTREINTE - CRYPTO - SPÉCIAL FRANCE", "(DR - CRYPTO - SF)"),
    ] {
        let read = label(name, written);
        assert_eq!(table(name).banner(&read).as_deref(), Ok(banner), "{written}");
        assert_eq!(table(name).portion(&read).as_deref(), Ok(portion), "{written}");
    }
}

#[test]
fn what_is_refused_says_what_to_write() {
    for (name, written, said) in [
        ("us", "SECERT//SI", "at character 1: `SECERT` is no level: write `SECRET`"),
        (
            "us",
            "",
            "at character 1: `` is no level: write one of UNCLASSIFIED, CUI, CUI//IL5, CONFIDENTIAL, SECRET, TOP SECRET",
        ),
        (
            "us",
            "NATO SECRET",
            "at character 1: `NATO SECRET` is no level: write one of UNCLASSIFIED, CUI, CUI//IL5, CONFIDENTIAL, SECRET, TOP SECRET",
        ),
        ("us", "SECRET//SII//NOFORN", "at character 9: `SII` is no mark of this table: write `SI`"),
        ("us", "SECRET//REL TO FRA", "at character 9: the list leaves out the owner: write `REL TO USA, FRA`"),
        ("us", "SECRET//REL TO USA, FRANCE", "at character 21: `FRANCE` is no nation's code: write `FRA`"),
        (
            "us",
            "SECRET//REL TO USA, XXX",
            "at character 21: `XXX` is no nation's code: write three letters such as FRA, or a group such as FVEY",
        ),
        (
            "us",
            "SECRET//REL TO",
            "at character 15: `REL TO` names no nation: write codes behind it, as in `REL TO FRA`",
        ),
        ("us", "SECRET//REL TO USA", "at character 9: not written as it should be: write `SECRET//NOFORN`"),
        ("us", "SECRET//NOFORN//SI", "at character 17: not written as it should be: write `SECRET//SI//NOFORN`"),
        ("us", "SECRET/SI//NF", "at character 8: not written as it should be: write `SECRET//SI//NOFORN`"),
        ("us", "SECRET//SI//TK//NF", "at character 13: not written as it should be: write `SECRET//SI/TK//NOFORN`"),
        (
            "us",
            "SECRET//REL TO USA FRA",
            "at character 20: not written as it should be: write `SECRET//REL TO USA, FRA`",
        ),
        (
            "us",
            "SECRET//NF/REL TO USA, FRA",
            "at character 12: `REL TO` contradicts a mark before it: write one of the two",
        ),
        ("us", "CUI//TK", "at character 1: no label is like that: `TK` is used from SECRET up"),
        (
            "us",
            "SECRET//RELIDO",
            "at character 9: `RELIDO` is not taken: who may release it further is no right to read; leave it out",
        ),
        (
            "fr",
            "SECRET DÉFENSE",
            "at character 8: `DÉFENSE` is not taken: marks of before July 2021 are not guessed at: ask the originator whether it is SECRET or TRÈS SECRET now",
        ),
        (
            "nato",
            "NATO SECRET RELEASABLE TO THE PUBLIC",
            "at character 1: no label is like that: NATO SECRET must say whom it is released to",
        ),
        ("nato", "NATO SECRET//ATOMAL", "at character 14: not written as it should be: write `NATO SECRET ATOMAL`"),
    ] {
        let why = table(name).parse(written).map(|label| table(name).banner(&label)).unwrap_err();
        assert_eq!(why.to_string(), said, "{written}");
    }
    assert!(table("us").parse(&"S".repeat(5000)).unwrap_err().to_string().contains("longer than 4096"));
}

#[test]
fn the_marks_order_as_people_expect() {
    let rising = [
        "UNCLASSIFIED",
        "CUI",
        "CUI//IL5",
        "CONFIDENTIAL//REL TO USA, FVEY",
        "SECRET//REL TO USA, FVEY",
        "SECRET//REL TO USA, GBR",
        "SECRET",
        "TOP SECRET//SI",
        "TOP SECRET//SI-G",
        "TOP SECRET//SI-G/TK",
        "TOP SECRET//SI-G/TK//NOFORN//INTEGRITY UNVERIFIED",
    ];
    for pair in rising.windows(2) {
        let (lower, upper) = (label("us", pair[0]), label("us", pair[1]));
        assert!(lower < upper, "{pair:?}");
    }
    for (one, other) in [
        ("SECRET//SI", "SECRET//TK"),
        ("SECRET//REL TO USA, FRA", "SECRET//REL TO USA, DEU"),
        ("TOP SECRET", "SECRET//SI"),
        ("TOP SECRET//REL TO USA, FRA", "SECRET//NOFORN"),
    ] {
        assert_eq!(label("us", one).partial_cmp(&label("us", other)), None, "{one}, {other}");
    }
    let made =
        label("us", "SECRET//SI//REL TO USA, FRA, DEU").join(&label("us", "CUI//SP-CTI//REL TO USA, FRA")).unwrap();
    assert_eq!(table("us").banner(&made).unwrap(), "SECRET//SI//SP-CTI//REL TO USA, FRA");
}

#[test]
fn a_reader_of_another_nation_reads_what_is_released_to_it_and_no_more() {
    for cleared in ["TOP SECRET//SI//ONLY FRA", "TOP SECRET//SI//REL TO USA, FRA", "TOP SECRET//SI"] {
        let french = table("us").for_readers_of(&label("us", cleared), &["FRA"]).unwrap();
        for (text, reads) in [
            ("SECRET//SI//REL TO USA, FRA", true),
            ("UNCLASSIFIED", true),
            ("SECRET//REL TO USA, DEU", false),
            ("SECRET//NOFORN", false),
            ("SECRET//TK//REL TO USA, FRA", false),
        ] {
            assert_eq!(label("us", text) <= french, reads, "{text} by {cleared}");
        }
    }
    assert_eq!(table("us").for_readers_of(&label("us", "SECRET"), &["XXX"]), None);
}

/// A group that grows, or a nation that is added, is on no list that was written before.
#[test]
fn a_list_withholds_from_numbers_that_stand_for_no_nation_yet() {
    let listed = label("us", "SECRET//REL TO USA, FRA").parts().withheld;
    assert!((250..=255).all(|number| listed.contains(number)));
    let open = Parts { withheld: Nations::one(3), ..label("us", "SECRET").parts() };
    assert_eq!(table("us").banner(&Label::new(open)), Err(Unnamed::Open));
}

#[test]
fn what_the_table_has_no_words_for_is_said() {
    let us = table("us");
    let secret = label("us", "SECRET//NOFORN").parts();
    for (parts, said) in [
        (Parts { table: TableId(1), ..secret }, "it is of another policy table"),
        (Parts { level: model::Level(5), ..secret }, "no level of the table has the number 5"),
        (
            Parts { integrity: Integrity { below_highest: 1 }, ..secret },
            "no integrity of the table is 1 below the highest",
        ),
        (Parts { compartments: Compartments::one(99), ..secret }, "no compartment of the table has the number 99"),
        (Parts { compartments: Compartments::one(2), ..secret }, "`HCS-P` stands without what it is part of"),
        (Parts { compartments: us.all_compartments(), ..secret }, "`SI-G` is used from TOP SECRET up"),
        (Parts { withheld: Nations::NONE, ..secret }, "SECRET must say whom it is released to"),
    ] {
        assert_eq!(us.banner(&Label::new(parts)).unwrap_err().to_string(), said);
    }
}

/// A change to the shipped table, and what is said of it.
#[test]
fn a_table_that_is_not_whole_is_refused() {
    let us = SHIPPED[0];
    for (from, to, said) in [
        ("number = 16", "number = 0", "`UNCLASSIFIED` comes before `CUI` and is not below it"),
        (
            "number = 0\nname = \"UNCLASSIFIED\"",
            "number = 1\nname = \"UNCLASSIFIED\"",
            "its first level has not the number 0",
        ),
        ("rank = 4", "rank = 1", "`SECRET` comes before `TOP SECRET` and is not below it"),
        ("name = \"TK\"", "name = \"SI\"", "a spelling of `SI` is that of another"),
        ("number = 5", "number = 4", "`TK` has a number that is taken: 4"),
        ("number = 5", "number = 128", "`TK` has the number 128: there are numbers below 128"),
        ("part_of = \"SI\"", "part_of = \"TK\"", "`SI-G` is part of `TK`, which no mark before it is called"),
        ("from = \"CUI\"", "from = \"CIU\"", "it speaks of a level `CIU`, which there is not"),
        ("owner = [\"USA\"]", "owner = [\"USB\"]", "its owner `USB` is no nation"),
        ("below_highest = 64", "below_highest = 0", "the highest integrity has no mark"),
        ("raise_to = \"CUI\"", "", "the retired mark `FOUO` needs one of raise_to and refused"),
        ("name = \"TK\"", "name = \"-TK\"", "a spelling of `-TK` does not begin and end with a letter or digit"),
        (
            "unmarked = \"everyone\"",
            "unmarked = \"owner\"",
            "its lowest label has no text: UNCLASSIFIED must say whom it is released to",
        ),
        ("between = \"//\"", "between = \"\"", "it writes"),
        ("id = 0", "id = 0\ncolour = 3", "unknown field `colour`"),
    ] {
        assert!(us.contains(from), "{from}");
        let why = Table::load(&us.replacen(from, to, 1), &table("us").nations).unwrap_err().to_string();
        assert!(why.contains(said), "{why}, not {said}");
    }
}

#[test]
fn a_table_of_ones_own_stands_beside_the_shipped_ones() {
    let mut tables = Tables::shipped().clone();
    assert!(tables.add_table(SHIPPED[0]).unwrap_err().to_string().contains("its id or name is that of the table `us`"));
    let own = SHIPPED[0].replacen("id = 0", "id = 32768", 1).replacen("name = \"us\"", "name = \"us-of-ours\"", 1);
    tables.add_table(&own.replacen("name = \"TK\"", "name = \"ZORK\"", 1)).unwrap();
    let label = tables.named("us-of-ours").unwrap().parse("SECRET//ZORK").unwrap();
    assert_eq!(tables.of(&label).map(Table::name), Some("us-of-ours"));
    assert_eq!(label.partial_cmp(&Label::LOWEST), None);
}

proptest! {
    #[test]
    fn every_label_is_read_as_it_was_written(label in any_label()) {
        let table = of(&label);
        let (banner, portion) = (table.banner(&label).unwrap(), table.portion(&label).unwrap());
        prop_assert_eq!(table.parse(&banner), Ok(label), "{}", banner);
        prop_assert_eq!(table.parse(&portion), Ok(label), "{}", portion);
    }

    #[test]
    fn case_and_spaces_do_not_count(label in any_label(), noise in prop::collection::vec(0..4_u8, 0..200)) {
        let banner = of(&label).banner(&label).unwrap();
        let mut noise = noise.into_iter().chain(std::iter::repeat(0));
        let noisy: String = banner.chars().flat_map(|one| match noise.next() {
            Some(1) => one.to_lowercase().collect::<Vec<char>>(),
            Some(2) if matches!(one, '/' | ',') => vec![' ', one, '\t'],
            Some(3) if one == ' ' => vec![' ', ' '],
            _ => vec![one],
        }).collect();
        prop_assert_eq!(of(&label).parse(&noisy), Ok(label), "{}", noisy);
    }

    #[test]
    fn what_is_made_of_labels_with_words_has_words(
        (one, other) in prop_oneof![
            (labels_of("us"), labels_of("us")), (labels_of("nato"), labels_of("nato")),
            (labels_of("eu"), labels_of("eu")), (labels_of("fr"), labels_of("fr")),
        ]
    ) {
        for made in [one.join(&other), one.meet(&other)] {
            let made = made.unwrap();
            prop_assert_eq!(of(&made).check(&made), Ok(()));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*", name in prop::sample::select(vec!["us", "nato", "eu", "fr"])) {
        if let Ok(label) = table(name).parse(&text) {
            prop_assert!(table(name).banner(&label).is_ok());
        }
    }

    /// Text that is nearly right goes further into the reader.
    #[test]
    fn a_damaged_mark_is_read_or_refused(label in any_label(), at in any::<prop::sample::Index>(), with in "\\PC{0,3}") {
        let mut text: Vec<char> = of(&label).banner(&label).unwrap().chars().collect();
        let at = at.index(text.len());
        text.splice(at..=at, with.chars());
        let text: String = text.into_iter().collect();
        if let Err(why) = of(&label).parse(&text) {
            prop_assert!(why.at <= text.chars().count() + 1, "{}: {}", text, why);
        }
    }
}
