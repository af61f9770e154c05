//! What a scrub would ask of each site, before it begins.
//!
//! It is what the same scrub spends where nothing is wrong and nothing is written meanwhile: what is found wrong is
//! asked for again, and read whole. Two walks that come to a segment at once both read a stripe of it, and one that
//! comes later does not: so of stripes it is the most.

use std::collections::BTreeMap;

use catalog::proof::{BudgetDay, Depth, Fault, Finding, Spent};
use coding::piece::{HEADER, Layout};
use model::{Segment, Site, SiteId};
use policy::SystemPermit;

use super::{ScrubOrder, purse};
use crate::api::Engine;
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::LIST_PAGE;
use crate::sites::{KnownSite, piece_name};

/// Pieces that one transaction looks at.
const PAGE: usize = 500;
/// Listings of what lies before and behind the enclave's own names.
const BESIDE: u64 = 2;

/// What a scrub would spend, by site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrubPlan {
    pub sites: Vec<SiteScrub>,
    /// Of each site and each day.
    pub budget: Spent,
}

/// What one would spend at a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteScrub {
    pub site: Site,
    /// Pieces that it would walk over; of stripes that are read for another site's pieces none are counted.
    pub pieces: u64,
    pub by_depth: BTreeMap<Depth, Spent>,
    /// Whether it was ordered and is not asked, since it is out.
    pub is_out: bool,
    /// Today, by scrubs before.
    pub spent: Spent,
}

impl SiteScrub {
    pub fn total(&self) -> Spent {
        self.by_depth.values().fold(Spent::default(), |sum, one| sum.and(*one))
    }

    /// Whether the rest of the day's budget pays for it.
    pub fn is_within(&self, budget: Spent) -> bool {
        self.total().and(self.spent).is_within(budget)
    }

    fn add(&mut self, depth: Depth, more: Spent) {
        let sum = self.by_depth.entry(depth).or_default();
        *sum = sum.and(more);
    }
}

impl Engine {
    /// What this scrub would spend if it began now. Nothing is asked of any site.
    pub async fn plan_scrub(&self, _: &SystemPermit, order: &ScrubOrder) -> Result<ScrubPlan, Error> {
        self.inner.plan_scrub(order).await
    }
}

impl Inner {
    async fn plan_scrub(&self, order: &ScrubOrder) -> Result<ScrubPlan, Error> {
        let today = BudgetDay::of(self.outside.clock.now());
        let mut sites: BTreeMap<SiteId, SiteScrub> = BTreeMap::new();
        for known in self.sites.iter() {
            let state = self.catalog.scrub_state(known.site.id).await?;
            let spent = if state.day == today { state.spent } else { Spent::default() };
            let (site, by_depth) = (known.site.clone(), BTreeMap::new());
            sites.insert(site.id, SiteScrub { site, pieces: 0, by_depth, is_out: false, spent });
        }
        let findings = self.catalog.findings().await?;
        for known in self.sites.iter().filter(|known| order.names(known)) {
            if !known.is_scrubbed() {
                if let Some(site) = sites.get_mut(&known.site.id) {
                    site.is_out = true;
                }
                continue;
            }
            let again = self.asked_again(known, &findings).await?;
            let pieces = self.plan_stripes(known, order.depths.contains(&Depth::Cells), &mut sites).await?;
            let Some(site) = sites.get_mut(&known.site.id) else { continue };
            site.pieces = pieces;
            for depth in &order.depths {
                let prices = &known.facts.prices;
                let walk = match depth {
                    Depth::Inventory => purse::multiply(purse::a_list(prices), pieces / LIST_PAGE as u64 + 1 + BESIDE),
                    Depth::Heads => purse::multiply(purse::a_head(prices), pieces),
                    // It is in the sites' accounts already.
                    Depth::Cells => Spent::default(),
                };
                site.add(*depth, walk.and(again));
            }
        }
        let ordered = |site: &SiteScrub| site.is_out || !site.by_depth.is_empty();
        // In the order of the configuration, as sites are told everywhere.
        let sites = self.sites.iter().filter_map(|known| sites.remove(&known.site.id)).filter(ordered).collect();
        Ok(ScrubPlan { sites, budget: self.settings.scrub.budget })
    }

    /// Pieces at a site; and of each the stripe that is read of its segment, in the accounts of where that lies.
    async fn plan_stripes(
        &self,
        known: &KnownSite,
        reads: bool,
        sites: &mut BTreeMap<SiteId, SiteScrub>,
    ) -> Result<u64, Error> {
        let (mut pieces, mut after) = (0, None);
        loop {
            let page = self.catalog.pieces_at(known.site.id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(pieces) };
            after = Some(last.name);
            pieces += page.len() as u64;
            if !reads {
                continue;
            }
            for piece in page {
                if let Some(segment) = self.catalog.segment(piece.segment).await? {
                    self.plan_stripe(&segment, sites);
                }
            }
        }
    }

    fn plan_stripe(&self, segment: &Segment, sites: &mut BTreeMap<SiteId, SiteScrub>) {
        let layout = Layout::of(segment);
        let (first, header) = (layout.cells(0..1), HEADER as u64);
        for piece in &segment.pieces {
            let Some(known) = self.sites.get(piece.site).filter(|known| known.is_scrubbed()) else { continue };
            let Some(site) = sites.get_mut(&piece.site) else { continue };
            let prices = &known.facts.prices;
            let cell = purse::a_read(prices, first.end.saturating_sub(first.start));
            let read = match layout.rows() {
                // Header and cell stand side by side.
                0 | 1 => purse::a_read(prices, first.end),
                _ => purse::a_read(prices, header).and(cell),
            };
            site.add(Depth::Cells, read);
        }
    }

    /// What was found wrong there before is asked for again at the beginning of each walk.
    async fn asked_again(&self, known: &KnownSite, findings: &[Finding]) -> Result<Spent, Error> {
        let mut sum = Spent::default();
        let open = |finding: &&Finding| finding.site == known.site.id && finding.over.is_none();
        for finding in findings.iter().filter(open).filter(|finding| finding.piece.is_some()) {
            let Some(name) = piece_name(self.enclave, &finding.object) else { continue };
            let Some(piece) = self.catalog.piece_at(known.site.id, name).await? else { continue };
            let prices = &known.facts.prices;
            sum = sum.and(match finding.fault {
                Fault::Missing | Fault::Truncated => purse::a_head(prices),
                Fault::Damaged | Fault::Replaced => purse::a_read(prices, piece.length),
                _ => Spent::default(),
            });
        }
        Ok(sum)
    }
}
