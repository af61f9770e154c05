//! Listings: a page is a look at every key that it covers, and shows nothing else.

use std::collections::BTreeMap;

use engine::{ListEntry, ListQuery, ObjectSummary, Page, VersionKind, VersionSummary};
use model::{ETag, ObjectKey, Which};
use policy::{ListObjects, ListVersions};

use super::{Actor, Outcome};
use crate::history::{Answer, OpId, Request, ValueId};
use crate::known::Target;

/// Pages that are read one after the other.
const PAGES: usize = 8;
/// What is asked for alone: everything, some of it, nothing that anybody put.
const PREFIXES: [&str; 6] = ["", "zq7plain/", "zq7plain/a", "zq7plain/b/", "zq7plain/2", "zq8"];
const DELIMITERS: [Option<&str>; 4] = [None, Some("/"), Some("/"), Some("b/")];

/// One entry that a page may show: a key, or those that are rolled up into one.
struct Covered {
    rolled_up: bool,
    looks: Vec<(Target, OpId)>,
}

impl Actor {
    /// The whole listing of a bucket.
    pub(super) async fn list(&mut self, target: &Target) {
        let Some(bucket) = self.bucket(target) else { return };
        let Ok(permit) = policy::on_bucket::<ListObjects>(&self.person.session, &bucket) else { return };
        let looks = self.look_at_all(target, &Request::Current);
        let engine = self.engine.clone();
        let query = ListQuery { limit: 1000, ..ListQuery::default() };
        let outcome = self.call(engine.list(permit, query)).await;
        if let Outcome::Well(page) = &outcome {
            let mut listed = BTreeMap::new();
            for object in items(page) {
                if listed.insert(object.key.clone(), self.known_etag(&object.etag)).is_some() {
                    self.known.findings.add(format!("{} is listed twice", object.key.as_str()));
                }
            }
            for (target, op) in looks {
                let value = listed.remove(&target.key).flatten();
                self.known.end(&target, op, &Answer::Current(value));
            }
            self.find_strange(listed.keys());
        } else {
            looks.iter().for_each(|(target, op)| self.known.lose(target, *op));
        }
        self.count("list", &outcome);
    }

    pub(super) async fn list_versions(&mut self, target: &Target) {
        let Some(bucket) = self.bucket(target) else { return };
        let Ok(permit) = policy::on_bucket::<ListVersions>(&self.person.session, &bucket) else { return };
        let looks = self.look_at_all(target, &Request::Versions);
        let engine = self.engine.clone();
        let query = ListQuery { limit: 100_000, ..ListQuery::default() };
        let outcome = self.call(engine.list_versions(permit, query, None)).await;
        match &outcome {
            Outcome::Well(page) => {
                let mut listed = self.versions_by_key(page);
                for (target, op) in looks {
                    let found = listed.remove(&target.key).unwrap_or_default();
                    self.known.end(&target, op, &Answer::Versions(found));
                }
                self.find_strange(listed.keys());
            }
            _ => looks.iter().for_each(|(target, op)| self.known.lose(target, *op)),
        }
        self.count("list versions", &outcome);
    }

    /// Pages of what begins with something, rolled up or not.
    pub(super) async fn list_pages(&mut self, target: &Target) {
        let Some(bucket) = self.bucket(target) else { return };
        let mut query = self.draw_query();
        query.delimiter = self.random.pick(&DELIMITERS).copied().flatten().map(str::to_owned);
        for _ in 0..PAGES {
            let Ok(permit) = policy::on_bucket::<ListObjects>(&self.person.session, &bucket) else { return };
            let covered = self.cover(target.place, &query);
            let engine = self.engine.clone();
            let outcome = self.call(engine.list(permit, query.clone())).await;
            self.count("list pages", &outcome);
            let Outcome::Well(page) = outcome else {
                let looks = covered.values().flat_map(|covered| &covered.looks);
                return looks.for_each(|(target, op)| self.known.lose(target, *op));
            };
            query.after = self.judge_page(&query, &page, &covered);
            if !page.more || !self.known.findings.is_empty() {
                return;
            }
        }
    }

    fn draw_query(&mut self) -> ListQuery {
        let prefix = self.random.pick(&PREFIXES).copied().unwrap_or_default().to_owned();
        let limit = 1 + self.random.place(8);
        ListQuery { prefix, limit, ..ListQuery::default() }
    }

    /// Begins a look at each key that the query may show.
    fn cover(&self, place: usize, query: &ListQuery) -> BTreeMap<String, Covered> {
        let mut covered: BTreeMap<String, Covered> = BTreeMap::new();
        for key in self.keys_of(place) {
            let Some((entry, rolled_up)) = shown_as(key.as_str(), query) else { continue };
            if query.after.as_ref().is_some_and(|after| entry <= *after) {
                continue;
            }
            let target = Target { place, key };
            let op = self.known.begin(&target, if rolled_up { Request::There } else { Request::Current });
            let of = covered.entry(entry).or_insert(Covered { rolled_up, looks: Vec::new() });
            of.looks.push((target, op));
        }
        covered
    }

    /// Ends the looks; answers the last entry of the page.
    fn judge_page(
        &self,
        query: &ListQuery,
        page: &Page<ObjectSummary>,
        covered: &BTreeMap<String, Covered>,
    ) -> Option<String> {
        let mut shown: BTreeMap<&str, Option<ValueId>> = BTreeMap::new();
        let mut last = query.after.as_deref();
        for entry in &page.entries {
            let (name, item) = match entry {
                ListEntry::Item(object) => (object.key.as_str(), Some(object)),
                ListEntry::Prefix(prefix) => (prefix.as_str(), None),
            };
            let fits = covered.get(name).is_some_and(|covered| covered.rolled_up == item.is_none());
            if !fits || last.is_some_and(|last| name <= last) {
                self.known.findings.add(format!("{name} does not belong behind {last:?} of {query:?}"));
            }
            shown.insert(name, item.and_then(|object| self.known_etag(&object.etag)));
            last = Some(name);
        }
        let beyond = |name: &str| page.more && last.is_some_and(|last| name > last);
        let more = covered.keys().any(|name| beyond(name));
        if page.entries.len() > query.limit || (page.more && (page.entries.is_empty() || !more)) {
            let (length, more) = (page.entries.len(), page.more);
            self.known.findings.add(format!("a page has {length} entries and says of more {more}, by {query:?}"));
        }
        for (name, Covered { rolled_up, looks }) in covered {
            let found = shown.get(name.as_str());
            let alone = looks.len() == 1;
            for (target, op) in looks {
                match (found, rolled_up) {
                    _ if beyond(name) => self.known.lose(target, *op),
                    (found, false) => self.known.end(target, *op, &Answer::Current(found.copied().flatten())),
                    (None, true) => self.known.end(target, *op, &Answer::There(false)),
                    (Some(_), true) if alone => self.known.end(target, *op, &Answer::There(true)),
                    // One of them at least, and nobody can tell which.
                    (Some(_), true) => self.known.lose(target, *op),
                }
            }
        }
        last.map(str::to_owned)
    }

    /// Pages of versions, of which one may end between two versions of a key.
    pub(super) async fn list_version_pages(&mut self, target: &Target) {
        let Some(bucket) = self.bucket(target) else { return };
        let mut query = ListQuery { limit: 1 + self.random.place(30), ..self.draw_query() };
        let mut after_version = None;
        for _ in 0..PAGES {
            let Ok(permit) = policy::on_bucket::<ListVersions>(&self.person.session, &bucket) else { return };
            let within = |key: &ObjectKey| {
                let key = key.as_str();
                key.starts_with(&query.prefix) && query.after.as_deref().is_none_or(|after| key > after)
            };
            let looks = self.look_at_those(target.place, &Request::Versions, within);
            let engine = self.engine.clone();
            let outcome = self.call(engine.list_versions(permit, query.clone(), after_version)).await;
            self.count("list version pages", &outcome);
            let Outcome::Well(page) = outcome else {
                return looks.iter().for_each(|(target, op)| self.known.lose(target, *op));
            };
            let last = items(&page).last().map(|last| (last.key.clone(), Which::of(last.slot, last.id)));
            let mut listed = self.versions_by_key(&page);
            if page.entries.len() > query.limit || (page.more && last.is_none()) {
                self.known.findings.add(format!("a page of versions has {} by {query:?}", page.entries.len()));
            }
            for (target, op) in looks {
                let found = listed.remove(&target.key).unwrap_or_default();
                // Of the last key more may follow.
                match last.as_ref().is_some_and(|(last, _)| page.more && target.key >= *last) {
                    true => self.known.lose(&target, op),
                    false => self.known.end(&target, op, &Answer::Versions(found)),
                }
            }
            // The rest of the key that the page before ended with was looked at by neither.
            listed.retain(|key, _| query.after.as_deref() != Some(key.as_str()));
            self.find_strange(listed.keys());
            let (true, Some((key, which))) = (page.more, last) else { return };
            (query.after, after_version) = (Some(key.as_str().to_owned()), Some(which));
        }
    }

    /// Oldest first.
    fn versions_by_key(&self, page: &Page<VersionSummary>) -> BTreeMap<ObjectKey, Vec<Option<ValueId>>> {
        let mut listed: BTreeMap<ObjectKey, Vec<Option<ValueId>>> = BTreeMap::new();
        for version in items(page) {
            let value = match &version.kind {
                VersionKind::Object { etag, .. } => self.known_etag(etag),
                VersionKind::Marker => None,
            };
            listed.entry(version.key.clone()).or_default().insert(0, value);
        }
        listed
    }

    /// The value that has this ETag; nobody lists another.
    fn known_etag(&self, etag: &ETag) -> Option<ValueId> {
        let value = self.known.state().by_etag(etag);
        if value.is_none() {
            self.known.findings.add(format!("listed with an ETag of nobody's: {etag}"));
        }
        value
    }

    fn find_strange<'a>(&self, mut left: impl Iterator<Item = &'a ObjectKey>) {
        if let Some(key) = left.next() {
            self.known.findings.add(format!("{} is listed, and nobody put it there", key.as_str()));
        }
    }

    fn keys_of(&self, place: usize) -> Vec<ObjectKey> {
        let state = self.known.state();
        state.places.get(place).map(|place| place.keys.keys().cloned().collect()).unwrap_or_default()
    }

    fn look_at_all(&self, target: &Target, request: &Request) -> Vec<(Target, OpId)> {
        self.look_at_those(target.place, request, |_| true)
    }

    fn look_at_those(
        &self,
        place: usize,
        request: &Request,
        which: impl Fn(&ObjectKey) -> bool,
    ) -> Vec<(Target, OpId)> {
        let keys = self.keys_of(place).into_iter().filter(which);
        let targets = keys.map(|key| Target { place, key });
        targets.map(|target| (target.clone(), self.known.begin(&target, request.clone()))).collect()
    }
}

fn items<T>(page: &Page<T>) -> impl Iterator<Item = &T> {
    page.entries.iter().filter_map(|entry| match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::Prefix(_) => None,
    })
}

/// The entry that shows a key, if it is one of those asked for, and whether it is rolled up into that.
fn shown_as(key: &str, query: &ListQuery) -> Option<(String, bool)> {
    let rest = key.strip_prefix(&query.prefix)?;
    let rolled_up = query.delimiter.as_deref().and_then(|delimiter| {
        let (before, _) = rest.split_once(delimiter)?;
        Some(format!("{}{before}{delimiter}", query.prefix))
    });
    Some(rolled_up.map_or_else(|| (key.to_owned(), false), |entry| (entry, true)))
}
