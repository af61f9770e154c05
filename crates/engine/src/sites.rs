//! The sites of the enclave and this gateway's view of their health.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use model::{EnclaveId, Label, PieceName, Profile, Site, SiteFacts, SiteId, SiteState, Vendor};
use providers::{Entry, SiteHandle};
use thiserror::Error;
use tokio::sync::watch;

use crate::limits::LIST_PAGE;
use crate::placement::{self, Candidate, Map, UnderFloor};

/// A site with the way to it.
pub struct KnownSite {
    pub site: Site,
    /// From the settings.
    pub facts: SiteFacts,
    pub handle: Arc<SiteHandle>,
    /// Its place in [`SiteState::ALL`].
    state: AtomicU8,
    /// How often it was set.
    turns: AtomicU64,
}

/// Why a site does not list what it holds.
#[derive(Debug, Error)]
pub enum ListError {
    #[error(transparent)]
    Site(#[from] providers::Error),
    #[error("its listing goes in circles")]
    InCircles,
}

pub struct Sites {
    /// Those of the start.
    first: Vec<KnownSite>,
    /// Those that came since.
    further: Further,
    /// How many there are.
    count: watch::Sender<usize>,
    /// Uploads that were not waited for; each is gone when its upload is over.
    late: Mutex<Vec<(SiteId, Weak<()>)>>,
}

/// Sites behind one another: whoever holds one of them holds it while others come.
#[derive(Default)]
struct Further(OnceLock<Box<(KnownSite, Further)>>);

impl Further {
    fn next(&self) -> Option<&(KnownSite, Further)> {
        self.0.get().map(Box::as_ref)
    }
}

impl Sites {
    pub fn new(first: Vec<KnownSite>) -> Sites {
        let count = watch::Sender::new(first.len());
        Sites { first, further: Further::default(), count, late: Mutex::default() }
    }

    /// In the order of the settings. None goes, and those that come are the last.
    pub fn iter(&self) -> impl Iterator<Item = &KnownSite> {
        let further = std::iter::successors(self.further.next(), |(_, behind)| behind.next());
        self.first.iter().chain(further.map(|(known, _)| known))
    }

    /// From here on pieces are placed there.
    pub fn add(&self, known: KnownSite) {
        let (mut behind, mut link) = (&self.further, Box::new((known, Further::default())));
        loop {
            match behind.next() {
                Some((_, next)) => behind = next,
                None => match behind.0.set(link) {
                    Ok(()) => break,
                    // Another came first.
                    Err(back) => link = back,
                },
            }
        }
        self.count.send_modify(|count| *count += 1);
    }

    /// How many there are, and will be.
    pub fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    pub fn get(&self, id: SiteId) -> Option<&KnownSite> {
        self.iter().find(|known| known.site.id == id)
    }

    pub fn named(&self, name: &str) -> Option<&KnownSite> {
        self.iter().find(|known| known.site.name == name)
    }

    /// The vendors that have a site where this may lie and stay, whether well or not.
    pub fn vendors_of(&self, label: Option<Label>) -> BTreeSet<Vendor> {
        let stays = self.iter().filter(|known| known.may_hold(label) && known.state().stays());
        stays.map(|known| known.site.vendor).collect()
    }

    pub fn vendor(&self, id: SiteId) -> Option<Vendor> {
        self.get(id).map(|known| known.site.vendor)
    }

    /// Sites that take writes and may hold this, without those in `avoid`. Whoever places a piece
    /// chooses among what this gives, and no piece lies above its site's ceiling.
    pub fn writable(&self, label: Option<Label>, avoid: &[SiteId]) -> Vec<Candidate> {
        self.iter()
            .filter(|known| known.may_hold(label) && known.writes_well() && !avoid.contains(&known.site.id))
            .map(|known| Candidate { site: known.site.id, vendor: known.site.vendor })
            .collect()
    }

    /// The same without those that keep an upload waiting past its deadline.
    pub fn prompt(&self, label: Option<Label>, avoid: &[SiteId]) -> Vec<Candidate> {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.retain(|(_, upload)| upload.strong_count() > 0);
        let mut prompt = self.writable(label, avoid);
        prompt.retain(|candidate| late.iter().all(|(site, _)| *site != candidate.site));
        prompt
    }

    /// Where the next segment's pieces go: to prompt sites, unless those are too few.
    pub fn map(&self, profile: Profile, label: Option<Label>, avoid: &[SiteId], turn: u64) -> Result<Map, UnderFloor> {
        placement::compile(profile, &self.prompt(label, avoid), turn)
            .or_else(|_| placement::compile(profile, &self.writable(label, avoid), turn))
    }

    /// The others suffice and this upload of so many bytes, late after `within`, is not waited for:
    /// until it is over its site is left out where it can be, and its breaker hears of it.
    pub fn leave_behind(&self, site: SiteId, upload: Weak<()>, bytes: u64, within: Duration) {
        if let Some(known) = self.get(site) {
            known.handle.breaker.note_late(providers::Half::Write, bytes, within);
        }
        self.late.lock().unwrap_or_else(PoisonError::into_inner).push((site, upload));
    }
}

impl KnownSite {
    /// An active site.
    pub fn new(site: Site, facts: SiteFacts, handle: Arc<SiteHandle>) -> KnownSite {
        KnownSite { site, facts, handle, state: AtomicU8::default(), turns: AtomicU64::default() }
    }

    pub fn state(&self) -> SiteState {
        SiteState::ALL.get(usize::from(self.state.load(Ordering::SeqCst))).copied().unwrap_or_default()
    }

    pub fn set_state(&self, state: SiteState) {
        let place = (0..).zip(SiteState::ALL).find(|(_, known)| *known == state);
        self.state.store(place.map_or(0, |(place, _)| place), Ordering::SeqCst);
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    /// Another number each time its state was set: what was concluded before holds no more.
    pub fn turn(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }

    /// A page of what it lists behind `after`. A listing that goes back would never come to its end, and whoever
    /// walks over it neither.
    pub async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Entry>, ListError> {
        let page = self.handle.store.list(prefix, after, LIST_PAGE).await?;
        match page.last() {
            Some(last) if after.is_some_and(|after| last.name.as_str() <= after) => Err(ListError::InCircles),
            _ => Ok(page),
        }
    }

    /// Whether what has this label may lie here, ciphertext or not; `None` is the control stream's,
    /// which holds no labelled data.
    pub fn may_hold(&self, label: Option<Label>) -> bool {
        label.is_none_or(|label| label <= self.facts.ceiling)
    }

    /// Whether it gives what it is asked for, by this gateway's view.
    pub fn answers(&self) -> bool {
        self.handle.breaker.health().read == providers::Side::Well
    }

    /// Whether reads go there while there is a choice.
    pub fn reads_well(&self) -> bool {
        self.answers() && matches!(self.state(), SiteState::Active | SiteState::Draining)
    }

    /// Whether it is looked at: what it holds counts, and it gives what it is asked for.
    pub fn is_scrubbed(&self) -> bool {
        self.answers() && self.state() != SiteState::Detached
    }

    pub fn writes_well(&self) -> bool {
        self.state() == SiteState::Active && self.handle.breaker.health().write == providers::Side::Well
    }
}

/// What a piece is called at a site.
pub fn object_name(enclave: EnclaveId, piece: &PieceName) -> String {
    format!("{enclave}/{piece}")
}

/// The piece that a site's object is, if it is one of this enclave's.
pub fn piece_name(enclave: EnclaveId, object: &str) -> Option<PieceName> {
    let rest = object.strip_prefix(&enclave.to_string())?.strip_prefix('/')?;
    PieceName::parse(rest)
}
