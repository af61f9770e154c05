//! Snapshots: what is shown, whole at several vendors, so that a rebuild reads the journal only from there on.
//!
//! ```text
//!  rows of one moment ─► parts, each sealed under a key of its own, at one site of each vendor ─► head, under the root
//! ```
//!
//! A snapshot stands as soon as its head does, which comes last; only then are earlier ones removed. The journal does
//! without them: whatever is wrong with a snapshot, the one before it or the whole journal takes its place. It says
//! something of every label, so it lies only where each of them may; where no such sites are, there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use catalog::{Clearing, Taken};
use coding::snapshot::{HEAD_MAX, Head, Part, SnapshotId};
use coding::{BodyKey, RootKey};
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use model::{EnclaveId, Label, Number, SiteId, SiteState, Vendor};
use providers::ErrorKind;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::error::Error;
use crate::inner::Inner;
use crate::limits::LIST_PAGE;
use crate::replay::{Found, Step};
use crate::sites::{KnownSite, ListError};
use crate::upkeep::under_way::Task;

/// Rows of what was shredded that go in one transaction: others wait for the catalog meanwhile.
const CLEARED_AT_ONCE: usize = 500;
/// Batches of rows that wait to be sealed and sent.
const AHEAD: usize = 2;
/// Parts on their way at once.
const PARTS_AT_ONCE: usize = 4;
/// So often a part is put, each time under another name.
const PART_TRIES: u32 = 3;
const PART_AGAIN: Duration = Duration::from_secs(2);
/// A new one is due when so many times fewer changes came since than are in it: they are read again then.
const PART_OF_ALL: u64 = 4;

/// The last of the name of a snapshot's head.
const HEAD: &str = "head";

/// A snapshot whose head opens.
pub struct Standing {
    pub id: SnapshotId,
    pub head: Head,
    /// Where all of it is listed.
    at: Vec<SiteId>,
}

impl Standing {
    /// Bytes of its parts.
    pub fn bytes(&self) -> u64 {
        self.head.parts.iter().map(Part::stored).sum()
    }
}

/// What a site lists of one snapshot: sizes by the names of its objects.
type Objects = BTreeMap<String, u64>;

/// What the sites list of snapshots.
#[derive(Default)]
struct Listed {
    snapshots: BTreeMap<SnapshotId, BTreeMap<SiteId, Objects>>,
    /// Whether some did not answer.
    silent: bool,
    /// Requests that it took.
    lists: u64,
}

/// Whether a site's object is of a snapshot of this enclave.
pub fn is_of_one(enclave: EnclaveId, object: &str) -> bool {
    parse(enclave, object).is_some()
}

fn prefix(enclave: EnclaveId) -> String {
    format!("{enclave}/s/")
}

fn head_name(enclave: EnclaveId, id: &SnapshotId) -> String {
    format!("{}{:032x}/{HEAD}", prefix(enclave), u128::from_be_bytes(*id))
}

fn part_name(enclave: EnclaveId, id: &SnapshotId, number: u32) -> String {
    format!("{}{:032x}/{number:08x}", prefix(enclave), u128::from_be_bytes(*id))
}

/// The snapshot and the number of the part; `None` is its head.
fn parse(enclave: EnclaveId, object: &str) -> Option<(SnapshotId, Option<u32>)> {
    let (id, last) = object.strip_prefix(&prefix(enclave))?.split_once('/')?;
    let id = u128::from_str_radix(id, 16).ok()?.to_be_bytes();
    let number = match last {
        HEAD => None,
        number => Some(u32::from_str_radix(number, 16).ok()?),
    };
    let name = number.map_or_else(|| head_name(enclave, &id), |number| part_name(enclave, &id, number));
    (name == object).then_some((id, number))
}

impl Inner {
    pub(super) async fn keep_snapshots_forever(&self) {
        loop {
            tokio::time::sleep(self.settings.snapshot_every).await;
            match self.keep_snapshot().await {
                Ok(Some(records)) => info!(records, "took a snapshot of what is shown"),
                Ok(None) => {}
                Err(error) => warn!(%error, "a snapshot will be tried again"),
            }
        }
    }

    /// Takes a snapshot if one is due, and removes those that another took the place of. Tells the newest record in
    /// one that was taken.
    async fn keep_snapshot(&self) -> Result<Option<u64>, Error> {
        let listed = self.list_snapshots().await;
        let standing = self.standing(&listed).await;
        let (labels, number) = (self.labels_shown().await?, self.catalog.newest_number().await?);
        let is_due = self.is_due(standing.first(), number, &labels, listed.silent);
        // What broke off goes before more is written, and what lies where it may not any more.
        let stays = |id, known: &KnownSite| {
            // Until a newer one is whole those before it are the ones to begin with.
            let mut kept = standing.iter().take(if is_due { standing.len() } else { 1 });
            kept.any(|kept| kept.id == id) && may_hold_all(known, &labels)
        };
        self.remove_snapshots(&listed, stays).await;
        if !is_due {
            return Ok(None);
        }
        let _task = self.tasks.begin(Task::Snapshot, None, self.outside.clock.now());
        let Some(id) = self.take_snapshot(number).await? else { return Ok(None) };
        debug!(number = number.0, id = ?id, "a snapshot stands");
        self.remove_snapshots(&listed, |_, _| false).await;
        Ok(Some(number.0))
    }

    /// Whether enough came since, or it does not lie any more where it should. What silent sites hold is not missed.
    fn is_due(&self, newest: Option<&Standing>, number: Number, labels: &[Label], silent: bool) -> bool {
        let Some(newest) = newest else { return number.0 >= self.settings.snapshot_after };
        let since = number.0.saturating_sub(newest.head.number.0);
        let counts = |known: &&KnownSite| known.state().stays() && may_hold_all(known, labels);
        let sites = newest.at.iter().filter_map(|site| self.sites.get(*site)).filter(counts);
        let vendors: BTreeSet<Vendor> = sites.map(|known| known.site.vendor).collect();
        let thin = !silent && vendors.len() < self.copies();
        thin || since >= self.settings.snapshot_after.max(newest.head.number.0 / PART_OF_ALL)
    }

    /// At so many vendors it lies whole: as many may be lost as the default profile promises.
    fn copies(&self) -> usize {
        usize::from(self.settings.default_profile.promise()) + 1
    }

    /// Every label that the catalog says something of.
    async fn labels_shown(&self) -> Result<Vec<Label>, Error> {
        let streams = self.catalog.streams().await?.into_iter().filter_map(|stream| stream.label);
        let shredded = self.catalog.shredded().await?.into_iter().map(|(_, label)| label);
        Ok(self.keys.labels().into_iter().chain(streams).chain(shredded).collect())
    }

    /// One site of each of as many vendors as are needed; `None` where there are fewer that may hold everything.
    fn sites_for_snapshot(&self, labels: &[Label]) -> Option<Vec<&KnownSite>> {
        let may = |known: &&KnownSite| known.writes_well() && may_hold_all(known, labels);
        let mut of_vendors = BTreeMap::new();
        for known in self.sites.iter().filter(may) {
            of_vendors.entry(known.site.vendor).or_insert(known);
        }
        let sites: Vec<_> = of_vendors.into_values().take(self.copies()).collect();
        (sites.len() == self.copies()).then_some(sites)
    }

    /// Whether nothing is being shredded. What is still in the catalog of that must not come to lie under the root that
    /// follows.
    async fn nothing_is_shredded(&self) -> Result<bool, Error> {
        let streams = self.catalog.streams().await?;
        let has_key = |label: Label| self.keys.newest(&label).is_some();
        let all_have = streams.into_iter().filter_map(|stream| stream.label).all(has_key);
        Ok(all_have && self.catalog.clear_shredded(CLEARED_AT_ONCE).await? == Clearing::Done)
    }

    /// `None`: there are no sites for it now, or a label is being shredded.
    async fn take_snapshot(&self, number: Number) -> Result<Option<SnapshotId>, Error> {
        // A site that is left waits for what began before: nothing of this comes to lie there behind that.
        let _term = self.epochs.begin();
        // Of before the question: under this root nothing opens any more once a shredding is decided after it.
        let root = self.keys.root();
        if !self.nothing_is_shredded().await? {
            return Ok(None);
        }
        let id: SnapshotId = self.outside.random();
        // Both are read before the rows are: they only rise.
        let (closed_below, made) = (self.catalog.closed_below().await?, self.outside.clock.now());
        let (sender, batches) = mpsc::channel(AHEAD);
        let (copied, sent) = tokio::join!(self.catalog.copy_rows(sender), self.send_parts(&id, batches));
        let sent = sent?;
        copied?;
        let Some((sites, parts)) = sent else {
            debug!("no snapshot: too few sites may hold every label");
            return Ok(None);
        };
        let head = Head { form: self.catalog.form(), number, closed_below, made, parts };
        let sealed = head.seal(&root, self.enclave, &id, &self.outside);
        self.put_at_all(&sites, &head_name(self.enclave, &id), sealed).await?;
        Ok(Some(id))
    }

    /// Seals each batch and puts it at the sites it returns; `None` where there are too few. Ended early, nobody takes
    /// further batches.
    async fn send_parts(
        &self,
        id: &SnapshotId,
        mut batches: mpsc::Receiver<Bytes>,
    ) -> Result<Option<(Vec<&KnownSite>, Vec<Part>)>, Error> {
        let Some(first) = batches.recv().await else { return Ok(None) };
        // All rows are of a moment before the first batch came: no label of theirs is missing here.
        let Some(sites) = self.sites_for_snapshot(&self.labels_shown().await?) else { return Ok(None) };
        let numbers = AtomicU32::new(0);
        let rest = futures::stream::poll_fn(|context| batches.poll_recv(context));
        let parts = futures::stream::once(std::future::ready(first))
            .chain(rest)
            .map(|rows| self.send_part(id, &sites, &numbers, rows))
            .buffered(PARTS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(Some((sites, parts)))
    }

    /// Puts rows at all of the sites. After a put that failed its name is used up.
    async fn send_part(
        &self,
        id: &SnapshotId,
        sites: &[&KnownSite],
        numbers: &AtomicU32,
        rows: Bytes,
    ) -> Result<Part, Error> {
        let mut tries = 1;
        loop {
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            let part = Part { number, key: BodyKey::random(&self.outside), length: rows.len() as u64 };
            match self.put_at_all(sites, &part_name(self.enclave, id, number), part.seal(id, &rows)).await {
                Ok(()) => return Ok(part),
                Err(error) if tries == PART_TRIES => return Err(error),
                Err(error) => debug!(%error, "a part of a snapshot is put again"),
            }
            tries += 1;
            tokio::time::sleep(PART_AGAIN).await;
        }
    }

    async fn put_at_all(&self, sites: &[&KnownSite], name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let bytes = Bytes::from(bytes);
        let puts = sites.iter().map(|known| async {
            let put = known.handle.store.put_new(name, bytes.clone()).await;
            put.map_err(|error| Error::unavailable(format!("site `{}`: {error}", known.site.name)))
        });
        join_all(puts).await.into_iter().collect()
    }

    async fn list_snapshots(&self) -> Listed {
        let mut listed = Listed::default();
        for known in self.sites.iter().filter(|known| known.state() != SiteState::Detached) {
            // To ask one that is known not to answer would only take long.
            if !known.answers() {
                listed.silent = true;
            } else if let Err(error) = self.list_snapshots_at(known, &mut listed).await {
                debug!(site = known.site.name, %error, "the site does not list its snapshots");
                listed.silent = true;
            }
        }
        listed
    }

    async fn list_snapshots_at(&self, known: &KnownSite, listed: &mut Listed) -> Result<(), ListError> {
        let prefix = prefix(self.enclave);
        let mut after: Option<String> = None;
        loop {
            listed.lists += 1;
            let page = known.list(&prefix, after.as_deref()).await?;
            let full = page.len() >= LIST_PAGE;
            let last = page.last().map(|last| last.name.clone());
            for entry in page {
                if let Some((id, _)) = parse(self.enclave, &entry.name) {
                    let at = listed.snapshots.entry(id).or_default().entry(known.site.id).or_default();
                    at.insert(entry.name, entry.size);
                }
            }
            match last.filter(|_| full) {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    /// Those whose head opens under a root that is held and whose rows this program takes, newest first.
    async fn standing(&self, listed: &Listed) -> Vec<Standing> {
        let mut standing = Vec::new();
        for (id, at) in &listed.snapshots {
            let Some(head) = self.open_head(id, at).await.filter(|head| head.form == self.catalog.form()) else {
                continue;
            };
            let whole = |objects: &Objects| {
                let there = |part: &Part| {
                    let size = objects.get(&part_name(self.enclave, id, part.number));
                    size == Some(&part.stored())
                };
                objects.contains_key(&head_name(self.enclave, id)) && head.parts.iter().all(there)
            };
            let at = at.iter().filter(|(_, objects)| whole(objects)).map(|(site, _)| *site).collect();
            standing.push(Standing { id: *id, head, at });
        }
        standing.sort_by_key(|standing| std::cmp::Reverse((standing.head.number, standing.head.made)));
        standing
    }

    async fn open_head(&self, id: &SnapshotId, at: &BTreeMap<SiteId, Objects>) -> Option<Head> {
        let name = head_name(self.enclave, id);
        for (site, objects) in at {
            // As long as a site says that it is, it would be held in memory.
            let size = objects.get(&name).filter(|size| **size <= HEAD_MAX);
            let (Some(known), Some(size)) = (self.sites.get(*site), size) else { continue };
            let Ok(bytes) = known.handle.store.get_range(&name, 0..*size).await else { continue };
            let open = |root: Arc<RootKey>| Head::open(&bytes, &root, self.enclave, id).ok();
            if let Some(head) = self.keys.roots().into_iter().find_map(open) {
                return Some(head);
            }
        }
        None
    }

    /// All but what stays; whether all of that is gone.
    async fn remove_snapshots(&self, listed: &Listed, stays: impl Fn(SnapshotId, &KnownSite) -> bool) -> bool {
        let mut gone = true;
        for (id, at) in &listed.snapshots {
            for (site, objects) in at {
                let Some(known) = self.sites.get(*site).filter(|known| !stays(*id, known)) else { continue };
                gone &= self.remove_objects(known, id, objects).await;
            }
        }
        gone
    }

    /// The head first: what has none is no snapshot.
    async fn remove_objects(&self, known: &KnownSite, id: &SnapshotId, objects: &Objects) -> bool {
        let head = head_name(self.enclave, id);
        let parts = objects.keys().filter(|name| **name != head);
        for name in objects.get_key_value(&head).map(|(name, _)| name).into_iter().chain(parts) {
            match known.handle.store.delete(name).await {
                Err(error) if error.kind != ErrorKind::NotFound => {
                    debug!(site = known.site.name, %error, "a snapshot is removed later");
                    return false;
                }
                _ => {}
            }
        }
        true
    }

    /// Removes what lies of snapshots at a site that is being left: the next one lies elsewhere. Whether all of it
    /// is gone.
    pub(super) async fn leave_snapshots(&self, known: &KnownSite) -> Result<bool, ListError> {
        let mut listed = Listed::default();
        self.list_snapshots_at(known, &mut listed).await?;
        Ok(self.remove_snapshots(&listed, |_, _| false).await)
    }

    /// The snapshots that an empty catalog may begin with, newest first, and how many requests listed them.
    pub async fn snapshots(&self) -> (Vec<Standing>, u64) {
        let listed = self.list_snapshots().await;
        (self.standing(&listed).await, listed.lists)
    }

    /// Fills a catalog that holds no enclave yet from the newest snapshot that can be read; whether there was one.
    pub async fn begin_with_snapshot(&self, found: &Found) -> Result<bool, Error> {
        for standing in self.snapshots().await.0 {
            let taken = match self.catalog.taken().await? {
                // A rebuild was cut short in the middle of it.
                Some(taken) if taken.snapshot == standing.id => taken.batches,
                _ => {
                    self.catalog.clear_rows().await?;
                    0
                }
            };
            match self.take_rows(&standing, taken, found).await {
                Ok(()) => return Ok(true),
                Err(error) => warn!(number = standing.head.number.0, %error, "a snapshot is done without"),
            }
        }
        self.catalog.clear_rows().await?;
        Ok(false)
    }

    /// Takes the rows of its parts, after the first so many that were taken before.
    async fn take_rows(&self, standing: &Standing, taken: u32, found: &Found) -> Result<(), Error> {
        let parts = standing.head.parts.get(taken as usize..).unwrap_or_default();
        found.tell(Step::Snapshot(parts.len()));
        let reads = futures::stream::iter((taken + 1..).zip(parts)).map(|(batches, part)| async move {
            let rows = self.read_part(standing, part).await?;
            Ok::<_, Error>((batches, part, rows))
        });
        let mut reads = reads.buffered(PARTS_AT_ONCE);
        while let Some((batches, part, rows)) = reads.try_next().await? {
            self.catalog.take_rows(rows.into(), Taken { snapshot: standing.id, batches }).await?;
            found.tell(Step::Read(part.stored()));
        }
        self.catalog.rows_taken().await?;
        if self.catalog.enclave().await? != Some(self.enclave) {
            return Err(Error::Internal("it is another enclave's".to_owned()));
        }
        for key in self.catalog.label_keys().await? {
            self.keys.add(&key).map_err(|_| Error::Internal("its keys are of another root".to_owned()))?;
        }
        Ok(())
    }

    /// From whichever site has it as it was written; first those that have all of it.
    async fn read_part(&self, standing: &Standing, part: &Part) -> Result<Vec<u8>, Error> {
        let name = part_name(self.enclave, &standing.id, part.number);
        let (whole, others): (Vec<_>, Vec<_>) =
            self.sites.iter().partition(|known| standing.at.contains(&known.site.id));
        for known in whole.into_iter().chain(others) {
            if let Ok(sealed) = known.handle.store.get_range(&name, 0..part.stored()).await
                && let Ok(rows) = part.open(&standing.id, sealed.into())
            {
                return Ok(rows);
            }
        }
        Err(Error::unavailable(format!("part {} is whole at no site that answers", part.number)))
    }
}

fn may_hold_all(known: &KnownSite, labels: &[Label]) -> bool {
    labels.iter().all(|label| known.may_hold(Some(*label)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_all_others() {
        let (enclave, id) = (EnclaveId([7; 16]), [9; 16]);
        assert_eq!(parse(enclave, &head_name(enclave, &id)), Some((id, None)));
        assert_eq!(parse(enclave, &part_name(enclave, &id, 255)), Some((id, Some(255))));
        let part = part_name(enclave, &id, 255);
        for other in
            [part.to_uppercase(), part.replace("000000ff", "ff"), part.replace("/s/", "/d/"), format!("{part}0")]
        {
            assert_eq!(parse(enclave, &other), None, "{other}");
        }
        assert_eq!(parse(EnclaveId([8; 16]), &part), None);
    }
}
