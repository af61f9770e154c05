//! What every role may do, as a page made to be read in review: `docs/role-matrix.md`. Written anew with
//! `ENTENTE_BLESS=1 cargo test -p policy --test role_matrix`.

use std::fmt::Write;
use std::path::Path;

use model::Role;
use policy::duty::{Duty, may};
use policy::matrix::{Place, Stand, actions, cell, outcome};
use policy::{ACTIONS, Facts, Refusal};

const HEAD: &str = "\
# Who may do what

Written by a test from the functions that decide (`cargo test -p policy --test role_matrix`), to be read in
review.

## Data, through the S3 door

Of a mission owner, by what they are to the bucket and where it lies seen from their session. `absent` is
answered as if there were no such bucket. Every other role is refused everything here, before it is asked what
there is. What access control lists allow comes on top, within the labels.

";

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
    for place in Place::ALL {
        let _ = writeln!(page, "### A bucket whose label is {}\n", place.name());
        let may = |action: &Facts, stand| cell(outcome(Role::MissionOwner, stand, place, action));
        let rows = actions().map(|action| (action.name, Stand::ALL.map(|stand| may(action, stand)).to_vec()));
        table(&mut page, "action", &Stand::ALL.map(Stand::name), rows);
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
        for stand in Stand::ALL {
            for place in Place::ALL {
                for action in ACTIONS {
                    let outcome = outcome(role, stand, place, action);
                    assert_eq!(outcome, Err(Refusal::OtherDuty), "{role:?} {action:?}");
                }
            }
        }
    }
}
