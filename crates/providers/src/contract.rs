//! What every adapter and every decorator must do, as one suite.
//!
//! It speaks to a store only through the trait, leaves objects behind, and never panics: a broken
//! rule comes back as text.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;

use crate::store::{Error, ErrorKind, Store};

/// The rule a store broke, and how.
#[derive(Debug)]
pub struct Broken(pub String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

type Checked = Result<(), Broken>;

/// What guards a name that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Puts {
    /// The store: a second put fails.
    CreateOnly,
    /// That names are random: the vendor offers no condition that truly works.
    NamedOnce,
}

/// Runs the whole suite on a store in which nothing is named `contract/…` yet.
pub async fn check(store: Arc<dyn Store>) -> Checked {
    check_puts(store, Puts::CreateOnly).await
}

/// The same for stores that cannot all keep a used name from being used again.
pub async fn check_puts(store: Arc<dyn Store>, puts: Puts) -> Checked {
    let store = store.as_ref();
    keeps_what_it_is_given(store).await?;
    gives_exact_ranges(store).await?;
    tells_what_is_missing(store).await?;
    deletes(store).await?;
    lists_in_byte_order(store).await?;
    pages_of_any_size_add_up(store).await?;
    refuses_bad_names(store).await?;
    takes_many_at_once(store).await?;
    if puts == Puts::CreateOnly {
        never_overwrites(store).await?;
        lets_one_of_many_win(store).await?;
    }
    Ok(())
}

async fn keeps_what_it_is_given(store: &dyn Store) -> Checked {
    for length in [0, 1, 63, 4096, 65_537, (9 << 20) + 13] {
        let name = format!("contract/keeps/{length}");
        let bytes = pattern(length);
        done(&name, store.put_new(&name, bytes.clone()).await)?;
        let head = done(&name, store.head(&name).await)?;
        equal(&format!("head of `{name}`"), &head, &(length as u64))?;
        let read = done(&name, store.get_range(&name, 0..head).await)?;
        holds(read == bytes, || format!("`{name}` came back with other bytes"))?;
    }
    Ok(())
}

async fn gives_exact_ranges(store: &dyn Store) -> Checked {
    const LENGTH: u64 = 300_001;
    let (name, bytes) = ("contract/ranges/a", pattern(300_001));
    done(name, store.put_new(name, bytes.clone()).await)?;
    for (start, end) in [(0, 0), (0, 1), (1, 2), (4095, 4097), (7, 299_999), (LENGTH - 1, LENGTH), (LENGTH, LENGTH)] {
        let read = done(name, store.get_range(name, start..end).await)?;
        let expected = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let expected = expected.and_then(|(start, end)| bytes.get(start..end));
        holds(expected == Some(read.as_ref()), || format!("bytes {start}..{end} differ"))?;
    }
    for (start, end) in [(0, LENGTH + 1), (LENGTH, LENGTH + 1), (LENGTH + 5, LENGTH + 5), (2, 1), (0, u64::MAX)] {
        let what = format!("bytes {start}..{end} of {LENGTH}");
        fails(&what, store.get_range(name, start..end).await, ErrorKind::Invalid)?;
    }
    Ok(())
}

async fn never_overwrites(store: &dyn Store) -> Checked {
    let name = "contract/once/a";
    done(name, store.put_new(name, "first".into()).await)?;
    for second in ["second", ""] {
        fails("a second put", store.put_new(name, second.into()).await, ErrorKind::AlreadyExists)?;
    }
    let read = done(name, store.get_range(name, 0..5).await)?;
    equal("what was put first", &read, &Bytes::from("first"))
}

async fn tells_what_is_missing(store: &dyn Store) -> Checked {
    done("contract/missing/a/b", store.put_new("contract/missing/a/b", "x".into()).await)?;
    // A folder of names is no object, nor is what lies behind one.
    for name in ["contract/missing/b", "contract/missing/a", "contract/missing", "contract/missing/a/b/c"] {
        fails(&format!("head of `{name}`"), store.head(name).await, ErrorKind::NotFound)?;
        fails(&format!("get of `{name}`"), store.get_range(name, 0..1).await, ErrorKind::NotFound)?;
        done(&format!("deletion of `{name}`"), store.delete(name).await)?;
    }
    done("contract/missing/a/b", store.head("contract/missing/a/b").await).map(drop)
}

async fn deletes(store: &dyn Store) -> Checked {
    let name = "contract/deletes/a";
    done(name, store.put_new(name, "x".into()).await)?;
    done("a first deletion", store.delete(name).await)?;
    fails("head of a deleted object", store.head(name).await, ErrorKind::NotFound)?;
    done("a second deletion", store.delete(name).await)?;
    let left = done("a listing", store.list("contract/deletes/", None, 10).await)?;
    equal("objects left", &left.len(), &0)
}

/// In byte order: `-` and `.` sort before `/`, digits behind it.
const LISTED: [&str; 10] = ["-", "a", "b-x", "b.x", "b/1/z", "b/10/a", "b/2", "b/~", "b0", "c/.hidden"];

async fn lists_in_byte_order(store: &dyn Store) -> Checked {
    for name in LISTED.iter().rev() {
        let name = format!("contract/list/{name}");
        done(&name, store.put_new(&name, pattern(name.len())).await)?;
    }
    // Both ends of each prefix and each name, with and without a slash.
    let prefixes = ["", "a", "b", "b/", "b/1", "b/1/", "b/1/z", "b/2", "b/2/", "b0", "c/", "c/.", "x", "x/y", "b.x/"];
    let afters =
        ["", "-", "a", "a0", "b", "b/", "b/1", "b/1/z", "b/1/zz", "b/10", "b/2", "b/9", "b0", "c/.hidden", "d"];
    for prefix in prefixes {
        for after in afters.map(Some).into_iter().chain([None]) {
            let expected = LISTED.into_iter().filter(|name| name.starts_with(prefix) && Some(*name) > after);
            let expected: Vec<_> = expected.map(|name| format!("contract/list/{name}")).collect();
            let whole = after.map(|after| format!("contract/list/{after}"));
            let listed = store.list(&format!("contract/list/{prefix}"), whole.as_deref(), 100).await;
            let listed = done("a listing", listed)?;
            let sizes = listed.iter().all(|entry| entry.size == entry.name.len() as u64);
            holds(sizes, || format!("sizes of {listed:?} are not those of their objects"))?;
            let names: Vec<_> = listed.into_iter().map(|entry| entry.name).collect();
            equal(&format!("names with prefix `{prefix}` behind {after:?}"), &names, &expected)?;
        }
    }
    Ok(())
}

async fn pages_of_any_size_add_up(store: &dyn Store) -> Checked {
    for limit in [1, 2, 3, 7, LISTED.len(), LISTED.len() + 1] {
        let mut names = Vec::new();
        // One page more than needed: the last is empty.
        for _ in 0..=LISTED.len().div_ceil(limit) {
            let after = names.last().cloned();
            let page = done("a page", store.list("contract/list/", after.as_deref(), limit).await)?;
            holds(page.len() <= limit, || format!("{} entries on a page of {limit}", page.len()))?;
            names.extend(page.into_iter().map(|entry| entry.name));
        }
        let expected: Vec<_> = LISTED.into_iter().map(|name| format!("contract/list/{name}")).collect();
        equal(&format!("pages of {limit}"), &names, &expected)?;
    }
    let none = done("a page of none", store.list("contract/list/", None, 0).await)?;
    equal("entries on a page of none", &none.len(), &0)
}

async fn refuses_bad_names(store: &dyn Store) -> Checked {
    let bad = ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\nb", "a\0b", "\u{e4}", "\u{7f}"];
    let long = "a".repeat(256);
    for name in bad.into_iter().chain([long.as_str()]) {
        let what = name.escape_debug();
        fails(&format!("put of `{what}`"), store.put_new(name, "x".into()).await, ErrorKind::Invalid)?;
        fails(&format!("get of `{what}`"), store.get_range(name, 0..1).await, ErrorKind::Invalid)?;
        fails(&format!("head of `{what}`"), store.head(name).await, ErrorKind::Invalid)?;
        fails(&format!("deletion of `{what}`"), store.delete(name).await, ErrorKind::Invalid)?;
    }
    for prefix in ["/", "../", "a//", "a/../", "a\n"] {
        let what = format!("listing of `{}`", prefix.escape_debug());
        fails(&what, store.list(prefix, None, 1).await, ErrorKind::Invalid)?;
    }
    Ok(())
}

async fn takes_many_at_once(store: &dyn Store) -> Checked {
    let names: Vec<_> = (0..64).map(|index| format!("contract/many/{}/{index:02}", index % 3)).collect();
    let puts = names.iter().enumerate().map(|(index, name)| store.put_new(name, pattern(index * 100)));
    for result in join_all(puts).await {
        done("one of many puts", result)?;
    }
    let reads = names.iter().enumerate().map(async |(index, name)| {
        let bytes = done(name, store.get_range(name, 0..index as u64 * 100).await)?;
        holds(bytes == pattern(index * 100), || format!("`{name}` came back with other bytes"))
    });
    join_all(reads).await.into_iter().collect::<Checked>()?;
    let listed = done("a listing", store.list("contract/many/", None, 100).await)?;
    equal("objects put at once", &listed.len(), &names.len())
}

async fn lets_one_of_many_win(store: &dyn Store) -> Checked {
    let name = "contract/race/a";
    let puts = (0..16).map(|index| store.put_new(name, format!("writer {index:02}").into()));
    let results = join_all(puts).await;
    let winners: Vec<_> = results.iter().enumerate().filter(|(_, result)| result.is_ok()).collect();
    equal("winners", &winners.len(), &1)?;
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        equal("what a loser hears", &error.kind, &ErrorKind::AlreadyExists)?;
    }
    let winner = winners.first().map(|(index, _)| format!("writer {index:02}")).unwrap_or_default();
    let read = done(name, store.get_range(name, 0..9).await)?;
    equal("the winner's bytes", &read, &Bytes::from(winner))
}

/// Bytes that differ from place to place, so that a shifted range shows.
fn pattern(length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(b"contract").finalize_xof().fill(&mut bytes);
    bytes.into()
}

fn done<T>(what: &str, result: Result<T, Error>) -> Result<T, Broken> {
    result.map_err(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        Broken(format!("{what}: {error}: {source}"))
    })
}

fn fails<T>(what: &str, result: Result<T, Error>, kind: ErrorKind) -> Checked {
    match result {
        Ok(_) => Err(Broken(format!("{what} succeeded and should be {kind:?}"))),
        Err(error) => equal(what, &error.kind, &kind),
    }
}

fn equal<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Checked {
    holds(found == expected, || format!("{what}: found {found:?}, expected {expected:?}"))
}

fn holds(rule: bool, otherwise: impl FnOnce() -> String) -> Checked {
    rule.then_some(()).ok_or_else(|| Broken(otherwise()))
}
