//! The first depth: what a site lists against what the catalog says lies there, both ways, page by page
//! over the same range of names.
//!
//! The catalog is asked first: a piece written between the two questions is then only listed too early,
//! and its epoch is still open. What the listing lacks is asked for by itself before it is called missing.

use std::collections::BTreeMap;

use catalog::proof::{Fault, Over, PieceAt, Proof};
use catalog::{Listed, Why};
use model::{EnclaveId, Epoch, PieceName};
use providers::{Entry, Kind, Store, marker};

use super::super::snapshot;
use super::heads::Said;
use super::{Step, Stop, Walking, purse};
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::LIST_PAGE;
use crate::sites::{KnownSite, object_name, piece_name};

/// Catalog rows read for one page of a listing: the listing's end is to decide where a page ends, also
/// where some of what it should hold is missing.
const ROWS: usize = 2 * LIST_PAGE;
/// Pages of objects beside the enclave's own that are looked through: there should be none.
const FOREIGN_PAGES_MAX: usize = 10;
/// When a listing left so much out that was there, it proves nothing: what else it leaves out is not asked for
/// one by one, which would cost the day's budget. The second depth comes to it by its age.
const LIES_MAX: usize = 100;

/// Where an inventory is.
pub struct Place {
    /// Everything listed up to here was dealt with.
    listed: Option<String>,
    /// The last piece before that which the catalog names.
    named: Option<PieceName>,
    /// Pieces the listing left out that were there, since it was last gone on from.
    lies: usize,
}

impl Place {
    pub fn of(enclave: EnclaveId, text: Option<&str>) -> Place {
        let named = text.and_then(PieceName::parse);
        Place { listed: named.map(|name| object_name(enclave, &name)), named, lies: 0 }
    }
}

/// What both sides say about one range of names.
struct Page {
    /// By the site's names.
    named: BTreeMap<String, PieceAt>,
    listed: BTreeMap<String, u64>,
    /// The last name of the range; `None`: to the end.
    through: Option<String>,
}

impl Page {
    /// Nothing of it lies behind this name; `None`: there is nothing of it.
    fn cut(&mut self, through: Option<String>) {
        let within = |name: &String| through.as_ref().is_some_and(|through| name <= through);
        self.named.retain(|name, _| within(name));
        self.listed.retain(|name, _| within(name));
        self.through = through;
    }
}

impl Inner {
    pub(super) async fn inventory_page(&self, walking: &mut Walking<'_>, place: &mut Place) -> Result<Step, Error> {
        let known = walking.known;
        let closed = self.catalog.closed_below().await?;
        let named = self.catalog.pieces_at(known.site.id, place.named, ROWS).await?;
        let prefix = format!("{}/", self.enclave);
        let listed = match self.list(walking, &prefix, place.listed.as_deref()).await? {
            Ok(listed) => listed,
            Err(stop) => return Ok(Step::Stopped(stop)),
        };
        let mut page = self.cut_page(place, named, listed);
        let stop = self.compare_named(walking, place, &mut page).await?;
        if let Some(stop) = stop.filter(|_| page.through == place.listed) {
            return Ok(Step::Stopped(stop));
        }
        self.look_at_unnamed(walking, &page, closed).await?;
        self.forget_what_is_gone(known, place, &page, closed).await?;
        let last = page.named.last_key_value().map(|(_, piece)| piece.name);
        let Some(through) = page.through else { return self.end_inventory(walking).await };
        place.named = piece_name(self.enclave, &through).or(last).or(place.named);
        place.listed = Some(through);
        walking.walk.place = place.named.map(|name| name.to_string());
        Ok(stop.map_or(Step::More, Step::Stopped))
    }

    /// A page of what the site lists, or why there is none.
    async fn list(
        &self,
        walking: &Walking<'_>,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Result<Vec<Entry>, Stop>, Error> {
        let (known, cost) = (walking.known, purse::a_list(&walking.known.facts.prices));
        let list = || known.handle.meter.list(prefix, after, LIST_PAGE);
        Ok(self
            .ask(walking, (Kind::List, cost), list)
            .await?
            .map_or(Err(Stop::Spent), |page| page.map_err(|_| Stop::Out)))
    }

    /// Cuts both sides at the name up to which both are known.
    fn cut_page(&self, place: &Place, named: Vec<PieceAt>, listed: Vec<Entry>) -> Page {
        let (named_full, listed_full) = (named.len() >= ROWS, listed.len() >= LIST_PAGE);
        let behind = |name: &String| place.listed.as_ref().is_none_or(|listed| name > listed);
        let mut named: BTreeMap<String, PieceAt> =
            named.into_iter().map(|piece| (object_name(self.enclave, &piece.name), piece)).collect();
        let mut listed: BTreeMap<String, u64> = listed.into_iter().map(|entry| (entry.name, entry.size)).collect();
        let end_named = named.last_key_value().map(|(name, _)| name.clone()).filter(|_| named_full);
        let end_listed = listed.last_key_value().map(|(name, _)| name.clone()).filter(|_| listed_full);
        // A listing that goes back has no end to go on from: what it should have held is asked for.
        let end_listed = end_listed.filter(behind);
        let through = match (end_named, end_listed) {
            (Some(named), Some(listed)) => Some(named.min(listed)),
            (named, listed) => named.or(listed),
        };
        let within = |name: &String| behind(name) && through.as_ref().is_none_or(|through| name <= through);
        named.retain(|name, _| within(name));
        listed.retain(|name, _| within(name));
        Page { named, listed, through }
    }

    /// Pieces that records name: listed in their length, or asked for, once in a walk. Where it has to stop the
    /// page is cut: what was dealt with is not paid for again.
    async fn compare_named(
        &self,
        walking: &Walking<'_>,
        place: &mut Place,
        page: &mut Page,
    ) -> Result<Option<Stop>, Error> {
        let known = walking.known;
        let (mut proven, mut looked_at, mut stop) = (Vec::new(), 0, None);
        let mut through = place.listed.clone();
        for (object, piece) in &page.named {
            if page.listed.get(object) == Some(&piece.length) {
                looked_at += 1;
                proven.push(piece.name);
                through = Some(object.clone());
                continue;
            }
            if place.lies >= LIES_MAX || piece.seen > walking.walk.began {
                through = Some(object.clone());
                continue;
            }
            match self.ask_for(walking, piece).await? {
                Said::There => {
                    place.lies += 1;
                    proven.push(piece.name);
                    self.blame_piece(walking, Fault::LyingList, piece).await?;
                }
                Said::Wrong(fault) => self.blame_piece(walking, fault, piece).await?,
                Said::Unnamed => {}
                Said::Nothing => stop = Some(Stop::Out).filter(|_| !known.is_scrubbed()),
                Said::Unpaid => stop = Some(Stop::Spent),
            }
            if stop.is_some() {
                break;
            }
            looked_at += 1;
            through = Some(object.clone());
        }
        if stop.is_some() {
            page.cut(through);
        }
        walking.looked_at(looked_at, proven.len());
        self.catalog.note_proof(known.site.id, Proof::Seen, proven, self.outside.clock.now()).await?;
        Ok(stop)
    }

    /// What is listed and no record names: it may be too young, be waiting for the sweep, or not be ours.
    async fn look_at_unnamed(&self, walking: &Walking<'_>, page: &Page, closed: Epoch) -> Result<(), Error> {
        let known = walking.known;
        let mut unnamed = Vec::new();
        for object in page.listed.keys().filter(|object| !page.named.contains_key(*object)) {
            match piece_name(self.enclave, object) {
                Some(name) if name.epoch < closed => unnamed.push(name),
                Some(_) => {}
                None if snapshot::is_of_one(self.enclave, object) => {}
                None => self.report(walking, self.of_site(known, Fault::Foreign, object.clone())).await?,
            }
        }
        if unnamed.is_empty() {
            return Ok(());
        }
        let running = self.catalog.add_running_ms(0).await?;
        for stray in self.catalog.note_unnamed(known.site.id, unnamed, running).await? {
            if stray.why == Why::NeverNamed {
                let object = object_name(self.enclave, &stray.name);
                self.report(walking, self.of_site(known, Fault::Stray, object)).await?;
            }
        }
        Ok(())
    }

    /// Looks through what lies beside the enclave's pieces, and ends what was not found again.
    async fn end_inventory(&self, walking: &Walking<'_>) -> Result<Step, Error> {
        let known = walking.known;
        // From the first name, and again behind all that begin with the enclave's.
        for mut after in [None, Some(format!("{}0", self.enclave))] {
            for _ in 0..FOREIGN_PAGES_MAX {
                let page = match self.list(walking, "", after.as_deref()).await? {
                    Ok(page) => page,
                    Err(stop) => return Ok(Step::Stopped(stop)),
                };
                let full = page.len() >= LIST_PAGE;
                let own = format!("{}/", self.enclave);
                let reached_own =
                    after.as_ref().is_none_or(|after| *after < own) && page.last().is_some_and(|last| last.name >= own);
                after = page.last().map(|last| last.name.clone());
                for Entry { name, .. } in page {
                    let ours = name.starts_with(&own) || name == marker::NAME || name.starts_with(marker::PROBES);
                    if !ours && (!reached_own || name < own) {
                        self.report(walking, self.of_site(known, Fault::Foreign, name)).await?;
                    }
                }
                if !full || reached_own {
                    break;
                }
            }
        }
        let (site, now) = (known.site.id, self.outside.clock.now());
        let began = walking.walk.began.unwrap_or(now);
        let faults = vec![Fault::Stray, Fault::Foreign, Fault::LyingList];
        self.catalog.end_findings(site, Over::NotFoundSince(faults, began), now).await?;
        Ok(Step::End)
    }

    /// What was freed and is gone needs no sweep. A range that does not begin and end with a piece is left.
    async fn forget_what_is_gone(
        &self,
        known: &KnownSite,
        place: &Place,
        page: &Page,
        closed: Epoch,
    ) -> Result<(), Error> {
        let piece = |object: &String| piece_name(self.enclave, object);
        let (after, through) = (place.listed.as_ref().map(piece), page.through.as_ref().map(piece));
        if after == Some(None) || through == Some(None) {
            return Ok(());
        }
        let names = page.listed.keys().filter_map(piece).collect();
        let range = Listed { after: after.flatten(), through: through.flatten(), below: closed, names };
        Ok(self.catalog.forget_unlisted(known.site.id, range).await?)
    }
}
