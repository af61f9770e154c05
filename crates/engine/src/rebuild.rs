//! Rebuild: an empty catalog becomes that of an enclave again, out of what its sites hold and the root
//! key, and of nothing else.
//!
//! ```text
//!  markers ─► enclave, ids of sites ─► newest snapshot ─► journal listed from there on
//!  ─► control stream (the root opens it) ─► keys, streams ─► every other stream, record by record in its order
//!  ─► what was shredded is removed ─► done
//! ```
//!
//! It is the replay of a start over the catalog that the snapshot is, or without one from the first record on.
//! Nothing is written to the sites. What a rebuild that was cut short left is an older catalog: another one goes on with
//! it, from the part of the snapshot, or the segment, that is not in it yet.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use catalog::{Clearing, Totals};
use model::{EnclaveId, Site, StreamId, Timestamp, Vendor};
use providers::SiteHandle;
use providers::marker::{self, Marker, MarkerError};
use tracing::warn;

use crate::api::Engine;
use crate::inner::Inner;
use crate::keyring::Keyring;
use crate::limits::LIST_PAGE;
use crate::open::{self, OpenError, Parts, SiteParts};
use crate::replay::{Found, Listed, Step, Tell};
use crate::settings::Settings;
use crate::sites::KnownSite;

/// Rows of what was shredded that go in one transaction; nobody waits for the catalog meanwhile.
const CLEARED_AT_ONCE: usize = 10_000;

/// What a rebuild brought back.
#[derive(Clone)]
pub struct Rebuilt {
    pub enclave: EnclaveId,
    pub totals: Totals,
    /// Sites that did not answer, or were found without a marker: it was done without them.
    pub silent: BTreeSet<String>,
    /// What opens the values in the catalog, and in copies of the one there was.
    pub keys: Arc<dyn catalog::Keys>,
}

/// What a rebuild would read.
#[derive(Clone, Debug)]
pub struct RebuildPlan {
    pub enclave: EnclaveId,
    /// What it would begin with, if there is one.
    pub snapshot: Option<SnapshotPlan>,
    /// Every site that answers, with the pieces of the journal it names.
    pub sites: Vec<(String, usize)>,
    /// Sites that do not: it would be done without them.
    pub silent: BTreeSet<String>,
    /// Requests that list snapshots and the journal. The plan itself has sent as many.
    pub lists: u64,
    /// Segments of the journal; pieces that were restored later, or written by an older program, count as one
    /// each.
    pub segments: u64,
    /// About how many requests for pieces of the journal: as many for each segment as the default profile has
    /// data pieces. Large objects' batches take fewer, batches of many records and damaged ones take more.
    pub gets: u64,
    /// What those ask for.
    pub bytes: u64,
    /// All that lies at the sites of the journal.
    pub journal_bytes: u64,
}

/// A snapshot that a rebuild would begin with: the journal is read from there on.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotPlan {
    pub made: Timestamp,
    /// Objects, each of which is one request.
    pub parts: u64,
    /// Of them together.
    pub bytes: u64,
}

impl Engine {
    /// What rebuilding the empty catalog of `parts` would read. It lists the journal and reads none of it.
    pub async fn plan_rebuild(parts: Parts) -> Result<RebuildPlan, OpenError> {
        refuse_begun(&parts).await?;
        let (inner, mut found) = begin(parts, None).await?;
        let pieces: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
        let listed = Arc::clone(&pieces);
        found.tell = Some(Arc::new(move |step| {
            if let Step::Listed { site, pieces } = step {
                let mut listed = listed.lock().unwrap_or_else(PoisonError::into_inner);
                listed.push((site.to_owned(), pieces));
            }
        }));
        let (snapshots, lists) = inner.snapshots().await;
        let snapshot = snapshots.into_iter().next();
        if let Some(snapshot) = &snapshot {
            // As if it were taken: the journal is listed from there on.
            inner.catalog.close_epochs_below(snapshot.head.closed_below).await?;
        }
        let kin = inner.list_unknown(&mut found).await?;
        let sites = std::mem::take(&mut *pieces.lock().unwrap_or_else(PoisonError::into_inner));
        let k = usize::from(inner.settings.default_profile.code().k);
        let asked = || kin.iter().flat_map(|kin| kin.iter().take(k));
        Ok(RebuildPlan {
            enclave: inner.enclave,
            snapshot: snapshot.map(|snapshot| SnapshotPlan {
                made: snapshot.head.made,
                parts: snapshot.head.parts.len() as u64,
                bytes: snapshot.bytes(),
            }),
            lists: lists + sites.iter().map(|(_, pieces)| (pieces / LIST_PAGE + 1) as u64).sum::<u64>(),
            sites,
            silent: found.silent,
            segments: kin.len() as u64,
            gets: asked().count() as u64,
            bytes: asked().map(Listed::beginning).sum(),
            journal_bytes: kin.iter().flatten().map(|listed| listed.size).sum(),
        })
    }

    /// Brings the empty catalog of `parts` to what the sites hold. Sites that are silent are done without
    /// as far as the default profile's promise goes; what they hold of the journal beside the others is
    /// taken back by the first start that finds them.
    pub async fn rebuild(parts: Parts, tell: Option<Tell>) -> Result<Rebuilt, OpenError> {
        refuse_begun(&parts).await?;
        Engine::resume_rebuild(parts, tell).await
    }

    /// As [`Engine::rebuild`], over what one that was cut short left, which may be nothing: what is in the catalog of
    /// `parts` is not read again. An enclave that runs is never to be handed here.
    pub async fn resume_rebuild(parts: Parts, tell: Option<Tell>) -> Result<Rebuilt, OpenError> {
        let (inner, mut found) = begin(parts, tell).await?;
        inner.begin_or_go_on(&found).await?;
        inner.find_unknown(&mut found).await?;
        let control = match inner.catalog.streams().await?.into_iter().find(|stream| stream.label.is_none()) {
            Some(control) => control.id,
            None => inner.control_stream(&mut found).await?,
        };
        inner.catalog.found(inner.enclave, control).await?;
        inner.replay_found(&mut found).await?;
        // A snapshot from before a shred may have brought keys that are gone since.
        inner.keys.hold(&inner.catalog.label_keys().await?).map_err(|_| OpenError::WrongRoot)?;
        if inner.keys.control().is_none() {
            return Err(OpenError::WrongRoot);
        }
        // No record is missing any more: what was given a number and is not here never comes.
        inner.catalog.decide(control, inner.outside.clock.now(), Vec::new()).await?;
        while inner.catalog.clear_shredded(CLEARED_AT_ONCE).await? == Clearing::Some {}
        let (totals, keys) = (inner.catalog.totals().await?, Arc::<Keyring>::clone(&inner.keys));
        Ok(Rebuilt { enclave: inner.enclave, totals, silent: found.silent, keys })
    }
}

async fn refuse_begun(parts: &Parts) -> Result<(), OpenError> {
    match parts.catalog.enclave().await? {
        Some(_) => Err(OpenError::NotEmpty),
        None => Ok(()),
    }
}

/// Before the first listing.
async fn begin(parts: Parts, tell: Option<Tell>) -> Result<(Arc<Inner>, Found), OpenError> {
    let Parts { catalog, sites, root, next_root, outside, settings, origins } = parts;
    open::check_names(&sites, &settings)?;
    let belonging = belonging(open::handles(sites, &settings, &outside), &settings).await?;
    let Belonging { enclave, sites, silent } = belonging;
    if let Some(left) = catalog.enclave().await?.filter(|left| *left != enclave) {
        return Err(OpenError::LeftOfAnother { left, enclave });
    }
    let keys = Arc::new(Keyring::new(root, next_root.into_iter().collect()));
    catalog.hand_keys(Arc::<Keyring>::clone(&keys));
    let inner = Inner::of(enclave, catalog, sites, keys, outside, settings, origins);
    Ok((inner, Found { silent, tell, older: true, ..Found::default() }))
}

/// The sites that say whose they are.
struct Belonging {
    enclave: EnclaveId,
    sites: Vec<KnownSite>,
    silent: BTreeSet<String>,
}

async fn belonging(handles: Vec<(SiteParts, Arc<SiteHandle>)>, settings: &Settings) -> Result<Belonging, OpenError> {
    let (mut sites, mut silent) = (Vec::new(), BTreeSet::new());
    let mut missing: BTreeSet<Vendor> = BTreeSet::new();
    let mut enclave = None;
    for (parts, handle) in handles {
        let Some(marker) = marker_of(&parts, &handle).await? else {
            missing.insert(parts.vendor);
            silent.insert(parts.name);
            continue;
        };
        let other = *enclave.get_or_insert(marker.enclave);
        if other != marker.enclave {
            return Err(OpenError::TwoEnclaves { site: parts.name, enclave: marker.enclave, other });
        }
        if let Err(error) = handle.breaker.admit(marker.enclave, marker.site).await {
            warn!(site = parts.name, %error, "the site is done without");
            missing.insert(parts.vendor);
            silent.insert(parts.name);
            continue;
        }
        let site = Site { id: marker.site, name: parts.name, vendor: parts.vendor, region: parts.region };
        sites.push(KnownSite::new(site, parts.facts, handle));
    }
    let enclave = enclave.ok_or(OpenError::NothingToRebuild)?;
    if missing.len() > usize::from(settings.default_profile.promise()) {
        let silent = silent.into_iter().collect::<Vec<_>>().join(", ");
        return Err(OpenError::SilentSites { silent });
    }
    Ok(Belonging { enclave, sites, silent })
}

/// The site's marker; `None` of one that does not answer, or has none.
async fn marker_of(parts: &SiteParts, handle: &SiteHandle) -> Result<Option<Marker>, OpenError> {
    match marker::read_marker(handle.store.as_ref()).await {
        Ok(Some(marker)) => Ok(Some(marker)),
        Ok(None) => {
            warn!(site = parts.name, "the site has no marker: it is done without");
            Ok(None)
        }
        Err(error @ MarkerError::Unreachable(_)) => {
            warn!(site = parts.name, %error, "the site is done without");
            Ok(None)
        }
        Err(error) => Err(open::at_site(&parts.name, &error)),
    }
}

impl Inner {
    /// An empty catalog begins with a snapshot, if there is one. One that knows its enclave has taken all of that, or
    /// began without.
    async fn begin_or_go_on(&self, found: &Found) -> Result<(), OpenError> {
        if self.catalog.enclave().await?.is_none() {
            if self.begin_with_snapshot(found).await? {
                self.heed_states().await?;
            }
            return Ok(());
        }
        // It may have been cut short just before this.
        self.catalog.rows_taken().await?;
        // Those it holds may be wrapped for an older root than this: then what is read next has them anew.
        open::open_keys(self.catalog.as_ref(), &self.keys).await?;
        self.heed_states().await
    }

    /// The stream whose segments bring their own key: one of them is read of each stream until it is found.
    async fn control_stream(&self, found: &mut Found) -> Result<StreamId, OpenError> {
        let segments: Vec<_> = found.segments.values().cloned().collect();
        let mut looked_at = BTreeSet::new();
        for seen in segments {
            let stream = seen.header.stream;
            if looked_at.contains(&stream) {
                continue;
            }
            let Some(unopened) = self.read_segment(seen, found).await? else { continue };
            if matches!(coding::journal::control_key(&unopened.payload), Ok(Some(_))) {
                return Ok(stream);
            }
            looked_at.insert(stream);
        }
        if found.silent.is_empty() { Err(OpenError::NothingToRebuild) } else { Err(found.silent_sites()) }
    }
}
