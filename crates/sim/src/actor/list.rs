//! Listings: a page is a look at every key that it covers, and shows nothing else.

use std::collections::BTreeMap;

use engine::{ListEntry, ListQuery, Page, VersionKind, VersionSummary};
use model::{ETag, ObjectKey};
use policy::{ListObjects, ListVersions};

use super::{Actor, Outcome};
use crate::history::{Answer, OpId, Request, ValueId};
use crate::known::Target;

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
        let targets = self.keys_of(target.place).into_iter().map(|key| Target { place: target.place, key });
        targets.map(|target| (target.clone(), self.known.begin(&target, request.clone()))).collect()
    }
}

fn items<T>(page: &Page<T>) -> impl Iterator<Item = &T> {
    page.entries.iter().filter_map(|entry| match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::Prefix(_) => None,
    })
}
