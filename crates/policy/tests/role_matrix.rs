//! What every role may do, as a page made to be read in review: `docs/role-matrix.md`. Written anew with
//! `ENTENTE_BLESS=1 cargo test -p policy --test role_matrix`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use model::{
    AccessKeyId, Acl, Bucket, BucketId, BucketName, Grants, Label, PrincipalId, Profile, Right, Role, Session,
    Timestamp,
};
use policy::duty::{Duty, may};
use policy::{ACTIONS, Access, Facts, Refusal, Target, decide, decide_on_account};

const OWNER: PrincipalId = PrincipalId([7; 16]);
const OTHER: PrincipalId = PrincipalId([8; 16]);

/// Where the bucket lies, as a session of level 1 without compartments sees it: its level, and whether it
/// has a compartment.
const PLACES: [(&str, u8, bool); 4] =
    [("same", 1, false), ("below", 0, false), ("above", 2, false), ("beside", 1, true)];

/// What the person is to the bucket: its owner, or one with this grant.
const STANDS: [(&str, Option<Option<Right>>); 5] = [
    ("owner", None),
    ("manage", Some(Some(Right::Manage))),
    ("write", Some(Some(Right::Write))),
    ("read", Some(Some(Right::Read))),
    ("stranger", Some(None)),
];

const HEAD: &str = "\
# Who may do what

Written by a test from the functions that decide (`cargo test -p policy --test role_matrix`), to be read in
review.

## Data, through the S3 door

Of a mission owner, by what they are to the bucket and where it lies seen from their session. `absent` is
answered as if there were no such bucket. Every other role is refused everything here, before it is asked what
there is. What access control lists allow comes on top, within the labels.

";

fn label(level: u8, compartment: bool) -> Label {
    let mut bytes = [0; Label::BYTES];
    bytes[2] = level;
    bytes[19] = u8::from(compartment);
    Label::from_canonical(bytes)
}

fn session(role: Role, owns: bool) -> Session {
    Session {
        principal: if owns { OWNER } else { OTHER },
        access_key: Some(AccessKeyId("ENTE".into())),
        role: Some(role),
        groups: Vec::new(),
        label: label(1, false),
        policy_epoch: 0,
    }
}

fn cell(outcome: Result<(), Refusal>) -> &'static str {
    match outcome {
        Ok(()) => "yes",
        Err(Refusal::Absent) => "absent",
        Err(Refusal::Below) => "no: below",
        Err(Refusal::NotOwner) => "no",
        Err(_) => "no: other",
    }
}

fn outcome(role: Role, stand: Option<Option<Right>>, at: Label, action: &Facts) -> Result<(), Refusal> {
    let session = session(role, stand.is_none());
    if action.target == Target::Account {
        return decide_on_account(&session).outcome.map(drop);
    }
    let bucket = Bucket {
        id: BucketId([1; 16]),
        name: BucketName::parse("tea").unwrap(),
        label: at,
        profile: Profile::Quad,
        owner: OWNER,
        created: Timestamp(0),
    };
    let grants = stand.flatten().map(|right| (OTHER, right)).into_iter().collect::<BTreeMap<_, _>>();
    let access = Access { grants: Grants(grants), ..Access::default() };
    decide(&session, action, &bucket, &access, Some(&Acl::default())).outcome.map(drop)
}

fn table(
    page: &mut String,
    first: &str,
    columns: &[&str],
    rows: impl Iterator<Item = (&'static str, Vec<&'static str>)>,
) {
    let _ = writeln!(page, "| {first} | {} |\n|---|{}", columns.join(" | "), "---|".repeat(columns.len()));
    for (name, cells) in rows {
        let _ = writeln!(page, "| {name} | {} |", cells.join(" | "));
    }
    page.push('\n');
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (place, level, compartment) in PLACES {
        let _ = writeln!(page, "### A bucket whose label is {place}\n");
        let may = |action: &Facts, stand| cell(outcome(Role::MissionOwner, stand, label(level, compartment), action));
        let rows = ACTIONS.iter().filter(|action| action.target != Target::Account);
        let rows = rows.map(|action| (action.name, STANDS.map(|(_, stand)| may(action, stand)).to_vec()));
        table(&mut page, "action", &STANDS.map(|(name, _)| name), rows);
    }
    page.push_str("## Duties, through the admin API\n\n");
    let rows = Duty::ALL
        .iter()
        .map(|duty| (duty.name(), Role::ALL.map(|role| if may(role, *duty) { "yes" } else { "" }).to_vec()));
    table(&mut page, "duty", &Role::ALL.map(Role::name), rows);
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

#[test]
fn the_matrix_is_the_one_that_was_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/role-matrix.md");
    let now = page();
    if std::env::var_os("ENTENTE_BLESS").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(now == kept, "who may do what has changed: read docs/role-matrix.md after ENTENTE_BLESS=1");
}

#[test]
fn no_other_role_uses_data_whatever_it_owns_or_was_granted() {
    for role in Role::ALL.into_iter().filter(|role| *role != Role::MissionOwner) {
        for (_, stand) in STANDS {
            for (_, level, compartment) in PLACES {
                for action in ACTIONS {
                    let outcome = outcome(role, stand, label(level, compartment), action);
                    assert_eq!(outcome, Err(Refusal::OtherDuty), "{role:?} {action:?}");
                }
            }
        }
    }
}
