//! What adopting a bucket will take: counted by listing it, before anything is decided.

use model::OriginAddress;
use policy::SystemPermit;
use providers::Origin;

use super::merge::ORIGIN_PAGE;
use super::refused;
use crate::api::Engine;
use crate::error::Error;

/// Counts of an origin, and of what bringing it over asks of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdoptionPlan {
    pub objects: u64,
    pub bytes: u64,
    pub largest: u64,
    /// Of the walk that copies and of the difference that proves it.
    pub list_requests: u64,
    pub get_requests: u64,
}

impl Engine {
    /// Lists the whole origin and counts. Nothing is written anywhere.
    pub async fn plan_adoption(&self, _: &SystemPermit, origin: &OriginAddress) -> Result<AdoptionPlan, Error> {
        let origin = self.inner.adoptions.open(origin).map_err(|error| refused(&error))?;
        let mut plan = AdoptionPlan::default();
        let mut after: Option<String> = None;
        loop {
            let page = origin.list("", after.as_deref(), ORIGIN_PAGE).await.map_err(|error| refused(&error))?;
            plan.list_requests += 2;
            for entry in &page.entries {
                plan.objects += 1;
                plan.get_requests += 1;
                plan.bytes += entry.size;
                plan.largest = plan.largest.max(entry.size);
            }
            match page.entries.into_iter().last() {
                Some(last) if page.more => after = Some(last.key),
                _ => return Ok(plan),
            }
        }
    }
}
