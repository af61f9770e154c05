//! Opening an enclave: its sites are claimed, its keys open, its journal is where the sites are,
//! and what was decided before goes on being shipped. A new one is founded step by step; a start
//! cut short anywhere is completed by the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use catalog::Catalog;
use coding::keys::RootKey;
use model::{Change, EnclaveId, Epoch, Label, Outside, Site, SiteFacts, SiteId, SiteState, StreamId, Vendor};
use providers::marker::{self, ClaimError, MarkerError, NotOurs};
use providers::{Origins, SiteHandle, Store};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tracing::{debug, info, warn};

use crate::api::Engine;
use crate::budget::Budget;
use crate::error::Error;
use crate::inner::{Counters, Inner, Streams};
use crate::keyring::Keyring;
use crate::limits::COMMIT_WAIT;
use crate::settings::Settings;
use crate::sites::{KnownSite, Sites};

/// What an enclave is made of.
pub struct Parts {
    pub catalog: Arc<dyn Catalog>,
    pub sites: Vec<SiteParts>,
    pub root: RootKey,
    /// A root that may have taken its place: there are two while a label is being shredded.
    pub next_root: Option<RootKey>,
    pub outside: Outside,
    pub settings: Settings,
    /// The ways to buckets that are being adopted.
    pub origins: Arc<dyn Origins>,
}

/// A site as settings name it.
pub struct SiteParts {
    pub name: String,
    pub vendor: Vendor,
    pub region: String,
    pub facts: SiteFacts,
    pub store: Arc<dyn Store>,
}

/// Why an enclave does not open. Nothing was changed that another start would not complete.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error(
        "the root key does not open the keys in the catalog: give the one the enclave was founded with; if it is that \
         one, the catalog is damaged: bring back a copy of it, or rebuild it with `entente rebuild`"
    )]
    WrongRoot,
    #[error("site `{name}`: {reason}")]
    Site { name: String, reason: String },
    #[error(
        "site `{name}`: {reason}. Where it is in its place, the catalog is damaged: bring back a copy of it, or rebuild \
         it with `entente rebuild`"
    )]
    NotAsKnown { name: String, reason: NotOurs },
    #[error(
        "site `{site}` belongs to enclave {enclave}, but the catalog is empty: bring it back with \
         `entente rebuild`, put it back where it was, or name empty sites to found a new enclave"
    )]
    CatalogLost { site: String, enclave: EnclaveId },
    #[error("none of the sites belongs to an enclave: name the sites of the one whose catalog is to come back")]
    NothingToRebuild,
    #[error("the catalog is not empty: it is rebuilt into an empty one")]
    NotEmpty,
    #[error(
        "the rebuild that was cut short was of enclave {left}, and the sites are of {enclave}: begin without it, with \
         `entente rebuild --anew`"
    )]
    LeftOfAnother { left: EnclaveId, enclave: EnclaveId },
    #[error("site `{site}` belongs to enclave {enclave}, others to {other}: name the sites of one")]
    TwoEnclaves { site: String, enclave: EnclaveId, other: EnclaveId },
    #[error("the catalog knows a site `{0}` of this enclave that the settings do not name: name it again")]
    SiteNotNamed(String),
    #[error("the catalog knows site `{name}` as one of {known}, the settings say {named}: correct the settings")]
    OtherVendor { name: String, known: Vendor, named: Vendor },
    #[error("two sites are called `{0}`: give each a name of its own")]
    TwoSites(String),
    #[error("profile {profile} needs {needed} vendors, the settings name {named}: add sites or choose another profile")]
    TooFewVendors { profile: model::Profile, needed: usize, named: usize },
    #[error(
        "the sites hold later changes than the catalog, but not all of them can be read while {silent} \
         does not answer: bring it back and start again"
    )]
    SilentSites { silent: String },
    #[error(
        "stream {stream} of the journal breaks off behind record {sequence}: later changes are at the sites, \
         the next one is not; put a newer catalog back"
    )]
    Gap { stream: StreamId, sequence: u64 },
    #[error(
        "the newest changes of stream {stream} are in the catalog, but the sites no longer hold them: \
         the sites were put back to an older state or swapped; put them back as they were"
    )]
    SitesBehind { stream: StreamId },
    #[error("a journal segment at the sites cannot be read: {0}")]
    Journal(String),
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    #[error(transparent)]
    Engine(#[from] Error),
}

/// Segments re-coded at once when sites fail under many writers: each holds its old and its new
/// pieces meanwhile.
const RECODED_AT_ONCE: usize = 2;

/// How long a start waits for what was decided before to be shown; with sites well it takes
/// milliseconds.
const SETTLE_WAIT: Duration = Duration::from_secs(3);

impl Engine {
    /// Opens the enclave of this catalog, or founds one over empty sites.
    pub async fn open(parts: Parts) -> Result<Engine, OpenError> {
        let Parts { catalog, sites, root, next_root, outside, settings, origins } = parts;
        check_names(&sites, &settings)?;
        let handles = handles(sites, &settings, &outside);
        let keys = Arc::new(Keyring::new(root, next_root.into_iter().collect()));
        catalog.hand_keys(Arc::<Keyring>::clone(&keys));
        let opens = open_keys(catalog.as_ref(), &keys).await?;
        if !opens {
            // A new root is learned from the sites, if they are all known.
            check_known(catalog.as_ref(), &handles).await?;
        }
        let enclave = match catalog.enclave().await? {
            Some(enclave) => enclave,
            None => found(catalog.as_ref(), &handles, &outside).await?,
        };
        let (sites, claimed) = claim_sites(catalog.as_ref(), enclave, handles, &outside).await?;
        for known in &sites {
            debug!(site = known.site.name, facts = ?known.facts, "what is known of the site");
        }

        let inner = Inner::of(enclave, catalog, sites, keys, outside, settings, origins);
        inner.heed_states().await?;
        inner.heed_decided().await?;
        let seen = inner.replay().await?;
        let keys = inner.catalog.label_keys().await?;
        inner.keys.hold(&keys).map_err(|_| OpenError::WrongRoot)?;
        // What is decided comes after what is shown.
        inner.heed_states().await?;
        inner.heed_decided().await?;
        inner.check_newest().await?;
        inner.seal_rest().await?;
        inner.enter_epoch(seen).await?;
        inner.start_streams().await?;
        inner.complete_founding(claimed).await?;
        inner.settle_leftovers().await;
        inner.load_lifecycles().await?;
        Ok(Engine { inner })
    }
}

/// The sites with what stands around their stores.
pub fn handles(sites: Vec<SiteParts>, settings: &Settings, outside: &Outside) -> Vec<(SiteParts, Arc<SiteHandle>)> {
    sites.into_iter().map(|site| with_handle(site, settings, outside)).collect()
}

pub fn with_handle(site: SiteParts, settings: &Settings, outside: &Outside) -> (SiteParts, Arc<SiteHandle>) {
    let handle = providers::stack(&site.name, Arc::clone(&site.store), settings.site_stack(), outside.clone());
    (site, handle)
}

pub fn check_names(sites: &[SiteParts], settings: &Settings) -> Result<(), OpenError> {
    let mut names: Vec<_> = sites.iter().map(|site| &site.name).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.windows(2).find(|pair| matches!(pair, [one, next] if one == next)) {
        return Err(OpenError::TwoSites((*twice).clone()));
    }
    let mut vendors: Vec<_> = sites.iter().map(|site| site.vendor).collect();
    vendors.sort_unstable();
    vendors.dedup();
    let (profile, named) = (settings.default_profile, vendors.len());
    let needed = usize::from(profile.code().n());
    if named < needed {
        return Err(OpenError::TooFewVendors { profile, needed, named });
    }
    Ok(())
}

/// Opens the keys of the catalog, and tells whether all did. They do not when the catalog is older than the
/// root: then the journal at the sites holds them wrapped anew.
pub async fn open_keys(catalog: &dyn Catalog, keys: &Keyring) -> Result<bool, OpenError> {
    Ok(catalog.label_keys().await?.iter().all(|key| keys.add(key).is_ok()))
}

/// Nothing is claimed under a root that opens nothing.
async fn check_known(catalog: &dyn Catalog, handles: &[(SiteParts, Arc<SiteHandle>)]) -> Result<(), OpenError> {
    let known = catalog.sites().await?;
    let is_known = |(parts, _): &(SiteParts, _)| known.iter().any(|site| site.name == parts.name);
    if handles.iter().all(is_known) { Ok(()) } else { Err(OpenError::WrongRoot) }
}

/// Makes an empty catalog that of a new enclave, if no site belongs to one.
async fn found(
    catalog: &dyn Catalog,
    handles: &[(SiteParts, Arc<SiteHandle>)],
    outside: &Outside,
) -> Result<EnclaveId, OpenError> {
    for (site, handle) in handles {
        let marker = marker::read_marker(handle.store.as_ref()).await;
        if let Some(marker) = marker.map_err(|error| at_site(&site.name, &error))? {
            return Err(OpenError::CatalogLost { site: site.name.clone(), enclave: marker.enclave });
        }
    }
    let enclave = EnclaveId::random(outside);
    catalog.found(enclave, StreamId::random(outside)).await?;
    info!(%enclave, "founded a new enclave");
    Ok(enclave)
}

pub fn at_site(name: &str, error: &dyn std::error::Error) -> OpenError {
    let source = error.source().map(|source| format!(" ({source})")).unwrap_or_default();
    OpenError::Site { name: name.to_owned(), reason: format!("{error}{source}") }
}

/// The sites with their ids; second, those that were claimed just now.
async fn claim_sites(
    catalog: &dyn Catalog,
    enclave: EnclaveId,
    handles: Vec<(SiteParts, Arc<SiteHandle>)>,
    outside: &Outside,
) -> Result<(Vec<KnownSite>, Vec<Site>), OpenError> {
    let mut known: BTreeMap<String, Site> =
        catalog.sites().await?.into_iter().map(|site| (site.name.clone(), site)).collect();
    let (mut sites, mut claimed) = (Vec::new(), Vec::new());
    for (parts, handle) in handles {
        let as_known = known.remove(&parts.name);
        let is_new = as_known.is_none();
        let site = claim_site(as_known, enclave, (parts, handle), outside).await?;
        claimed.extend(is_new.then(|| site.site.clone()));
        sites.push(site);
    }
    let detached: BTreeSet<SiteId> = catalog
        .site_states()
        .await?
        .into_iter()
        .filter(|(_, state)| *state == SiteState::Detached)
        .map(|(site, _)| site)
        .collect();
    known.retain(|_, site| !detached.contains(&site.id));
    match known.into_keys().next() {
        Some(name) => Err(OpenError::SiteNotNamed(name)),
        None => Ok((sites, claimed)),
    }
}

/// The site with its id: the one the catalog knows, or claimed just now. A known one that does not answer is out; one
/// that is another's is refused.
pub async fn claim_site(
    known: Option<Site>,
    enclave: EnclaveId,
    (parts, handle): (SiteParts, Arc<SiteHandle>),
    outside: &Outside,
) -> Result<KnownSite, OpenError> {
    let SiteParts { name, vendor, region, facts, .. } = parts;
    let site = match known {
        Some(site) if site.vendor != vendor => {
            return Err(OpenError::OtherVendor { name, known: site.vendor, named: vendor });
        }
        Some(site) => site,
        None => {
            let claim = marker::claim(handle.store.as_ref(), enclave, &name, outside).await;
            let id = claim.map_err(|error: ClaimError| at_site(&name, &error))?.site();
            Site { id, name, vendor, region }
        }
    };
    match handle.breaker.admit(enclave, site.id).await {
        Ok(()) => {}
        Err(reason @ (NotOurs::Foreign { .. } | NotOurs::OtherSite { .. })) => {
            return Err(OpenError::NotAsKnown { name: site.name, reason });
        }
        Err(error @ NotOurs::Marker(MarkerError::Newer { .. })) => return Err(at_site(&site.name, &error)),
        Err(error) => warn!(site = site.name, %error, "the site is out"),
    }
    Ok(KnownSite::new(site, facts, handle))
}

impl Inner {
    /// An enclave that nothing has begun in yet.
    pub fn of(
        enclave: EnclaveId,
        catalog: Arc<dyn Catalog>,
        sites: Vec<KnownSite>,
        keys: Arc<Keyring>,
        outside: Outside,
        settings: Settings,
        origins: Arc<dyn Origins>,
    ) -> Arc<Inner> {
        Arc::new(Inner {
            enclave,
            catalog,
            sites: Sites::new(sites),
            keys,
            lookups: crate::lookups::Lookups::default(),
            budget: Budget::new(settings.memory_budget_bytes),
            pace: settings.keeping.pace(),
            journal: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            people: tokio::sync::Mutex::default(),
            clearing: Notify::new(),
            outside,
            settings,
            streams: Streams::default(),
            epochs: crate::epochs::Epochs::default(),
            adoptions: crate::adopt::Adoptions::new(origins),
            hedges: crate::hedge::HedgeBudget::default(),
            suspects: crate::suspects::Suspects::default(),
            claims: crate::upkeep::Claims::default(),
            lifecycles: crate::upkeep::Lifecycles::default(),
            scrub: crate::upkeep::Scrub::default(),
            tasks: crate::upkeep::Tasks::default(),
            counters: Counters::default(),
            shown: watch::channel(0).0,
            catch_up: Notify::new(),
            moves: crate::upkeep::Moves::default(),
            leaving: crate::upkeep::Leaving::default(),
            evacuation: Notify::new(),
            siting: tokio::sync::Mutex::default(),
            joining: tokio::sync::Mutex::default(),
            draining: false.into(),
            recoding: tokio::sync::Semaphore::new(RECODED_AT_ONCE),
        })
    }

    /// Opens a new writer epoch above every earlier one; those are closed, for whoever wrote in
    /// them is gone.
    async fn enter_epoch(&self, seen: Epoch) -> Result<(), OpenError> {
        let epoch = self.catalog.open_epoch(seen).await?;
        self.catalog.close_epochs_below(epoch).await?;
        self.epochs.enter(epoch);
        Ok(())
    }

    /// Starts every stream there is; what was decided and never shown is shipped first.
    async fn start_streams(self: &Arc<Self>) -> Result<(), OpenError> {
        let mut leftovers: BTreeMap<StreamId, Vec<catalog::Decided>> = BTreeMap::new();
        let mut shredded = Vec::new();
        for decided in self.catalog.unshown().await? {
            if let Change::LabelShredded { label, .. } = &decided.record.change {
                shredded.push(*label);
            }
            leftovers.entry(decided.record.stream).or_default().push(decided);
        }
        let is_left = |stream: &catalog::Stream| stream.label.is_none_or(|label| !shredded.contains(&label));
        for stream in self.catalog.streams().await?.into_iter().filter(is_left) {
            let left = leftovers.remove(&stream.id).unwrap_or_default();
            if !left.is_empty() {
                info!(stream = %stream.id, records = left.len(), "shipping what was decided before");
            }
            // A stream whose key is not there yet has nothing decided: it gets its key below.
            self.streams.add(self.start_stream(stream.id, stream.label, left));
        }
        self.raise_journal_to_buckets().await
    }

    /// Metadata and tags that an older program left open in the catalog's files are sealed there.
    async fn seal_rest(&self) -> Result<(), OpenError> {
        let values = self.catalog.seal_rest().await?;
        if values > 0 {
            info!(values, "sealed what an older program left open in the catalog");
        }
        Ok(())
    }

    /// Waits a moment until what was decided before is shown, so that nobody reads a state that
    /// changes under them without a write. While too few sites answer, reads go on without it.
    async fn settle_leftovers(&self) {
        let mut shown = self.shown.subscribe();
        let settled = async {
            while self.counters.unshown.load(Ordering::Relaxed) > 0 {
                // The sender lives in this very enclave.
                let _ = shown.changed().await;
            }
        };
        if tokio::time::timeout(SETTLE_WAIT, settled).await.is_err() {
            warn!("what was decided before waits for more sites to answer");
        }
    }

    /// Journal segments promise what the most demanding bucket does.
    pub async fn raise_journal_to_buckets(&self) -> Result<(), OpenError> {
        let streams = self.catalog.streams().await?;
        for principal in self.catalog.principals().await? {
            for (stream, label) in streams.iter().filter_map(|stream| Some((stream.id, stream.label?))) {
                let buckets = self.catalog.buckets_of(principal.id, label).await?;
                buckets.iter().for_each(|bucket| self.raise_journal(stream, label, bucket.profile));
            }
        }
        Ok(())
    }

    /// Waits until what the control stream had decided is shown, and starts the streams it brings.
    async fn settle_control(self: &Arc<Self>) -> Result<(), OpenError> {
        let settled = async {
            let mut shown = self.shown.subscribe();
            while !self.catalog.unshown_control().await?.is_empty() {
                // The sender lives in this very enclave.
                let _ = shown.changed().await;
            }
            Ok::<(), catalog::Error>(())
        };
        let waited = tokio::time::timeout(COMMIT_WAIT, settled).await;
        waited.map_err(|_| Error::unavailable("too few sites answer to complete the founding of the enclave"))??;
        for stream in self.catalog.streams().await? {
            if self.streams.by_id(stream.id).is_none() {
                self.streams.add(self.start_stream(stream.id, stream.label, Vec::new()));
            }
        }
        Ok(())
    }

    /// The steps of founding that are not done yet: control key, sites, the labels' keys and streams.
    async fn complete_founding(self: &Arc<Self>, claimed: Vec<Site>) -> Result<(), OpenError> {
        let begun = self.keys.control().is_some();
        let mut labels = self.keys.labels();
        let whole =
            labels.contains(&Label::LOWEST) && labels.iter().all(|label| self.streams.of(Some(*label)).is_some());
        if begun && !whole {
            self.settle_control().await?;
        }
        if self.keys.control().is_none() {
            self.create_key(None).await?;
        }
        for site in claimed {
            self.commit_control(Change::SiteClaimed { enclave: self.enclave, site }).await?;
        }
        // A label whose opening was cut short has its key already.
        labels.push(Label::LOWEST);
        for label in labels {
            self.open_label(label).await?;
        }
        Ok(())
    }

    pub async fn commit_control(self: &Arc<Self>, change: Change) -> Result<(), Error> {
        let control = self.streams.of(None).ok_or_else(|| Error::Internal("no control stream".to_owned()))?;
        self.commit_system(control.id, change).await
    }
}
