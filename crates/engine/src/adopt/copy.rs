//! The background copy: walks the origin in key order, page by page, and brings over what is not here.
//!
//! The cursor is written behind each page; what was brought before it was written is known by the
//! catalog and not fetched again. A walk that found nothing to do rests, and begins anew: who still
//! writes to the origin meanwhile is followed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use catalog::Stand;
use futures::StreamExt;
use model::adoption::Stage;
use model::{Adoption, AdoptionProgress, Bucket, BucketId, BucketSetting, ETag, ObjectKey};
use providers::{Origin, OriginEntry, Patient};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::at_origin;
use super::bring::{Brought, Proof};
use super::merge::ORIGIN_PAGE;
use super::pace::Pace;
use crate::error::Error;
use crate::inner::Inner;

/// Objects on their way at once: enough that small ones share journal segments, few enough that
/// clients keep most of the machine.
const AT_ONCE: usize = 16;
/// Between two looks whether there is an adoption.
const REST: Duration = Duration::from_secs(30);
/// Before a walk that met failures is made again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often the counts are written within a page. What a killed process had not written is brought
/// all the same, and only missing in the counts.
const TELL: Duration = Duration::from_secs(2);
/// Between two walks when there is nothing to do: each lists the whole origin, and lists are paid for.
const QUIET: Duration = Duration::from_secs(15 * 60);

/// When a bucket is walked next.
enum Next {
    Page,
    After(Duration),
}

/// One adoption's copy, as this process knows it.
struct Walk {
    pace: Arc<Pace>,
    due: Instant,
}

impl Inner {
    /// Brings over whatever is being adopted, for ever.
    pub(crate) async fn copy_origins(self: &Arc<Self>) {
        let mut walks: BTreeMap<BucketId, Walk> = BTreeMap::new();
        loop {
            let next = match self.copy_round(&mut walks).await {
                Ok(next) => next,
                Err(error) => {
                    warn!(%error, "bringing over what is adopted will be tried again");
                    Instant::now() + AGAIN
                }
            };
            // The timer covers a signal that came while the round ran.
            if tokio::time::timeout_at(next, self.adoptions.woken.notified()).await.is_ok() {
                walks.clear();
            }
        }
    }

    /// One page of every adoption whose copy is due; returns when the next one is.
    async fn copy_round(self: &Arc<Self>, walks: &mut BTreeMap<BucketId, Walk>) -> Result<Instant, Error> {
        let mut next = Instant::now() + REST;
        for (bucket, adoption) in self.all_adoptions().await? {
            if adoption.stage != Stage::Copying {
                continue;
            }
            let fresh = || Walk { pace: Arc::new(Pace::new(adoption.budget)), due: Instant::now() };
            let walk = walks.entry(bucket.id).or_insert_with(fresh);
            if walk.due <= Instant::now() {
                let rest = match self.copy_page(&bucket, &adoption, &walk.pace).await {
                    Ok(Next::Page) => Duration::ZERO,
                    Ok(Next::After(rest)) => rest,
                    Err(error) => {
                        debug!(bucket = %bucket.name, %error, "a page of the origin could not be brought over");
                        self.adoptions.stumble(bucket.id, Some(error.to_string()));
                        AGAIN
                    }
                };
                walk.due = Instant::now() + rest;
            }
            next = next.min(walk.due);
        }
        Ok(next)
    }

    async fn copy_page(
        self: &Arc<Self>,
        bucket: &Bucket,
        adoption: &Adoption,
        pace: &Arc<Pace>,
    ) -> Result<Next, Error> {
        let origin = self.adoptions.open(&adoption.origin).map_err(|error| at_origin(&error))?;
        let mut progress = self.adoption_progress(bucket.id).await?;
        if progress.cursor.is_none() {
            progress.failed = 0;
        }
        let page = origin.list("", progress.cursor.as_deref(), ORIGIN_PAGE).await.map_err(|error| at_origin(&error))?;
        let last = page.entries.last().map(|entry| entry.key.clone());
        let wanted = self.wanted(bucket.id, page.entries).await?;
        progress.caught_up &= wanted.is_empty();
        let failed = self.bring_all(bucket, &origin, wanted, pace, &mut progress).await?;
        let Some(failed) = failed else {
            // Told to rest in the middle of it: the page is looked at again when it goes on.
            self.set_by_system(bucket, BucketSetting::AdoptionProgress(progress)).await?;
            return Ok(Next::After(REST));
        };
        progress.failed += failed;
        let next = match last {
            Some(last) if page.more => {
                progress.cursor = Some(last);
                Next::Page
            }
            _ => {
                info!(bucket = %bucket.name, failed = progress.failed, "walked over the whole origin");
                progress.passes += 1;
                progress.cursor = None;
                progress.caught_up = progress.failed == 0;
                Next::After(if progress.caught_up { QUIET } else { AGAIN })
            }
        };
        if progress.failed == 0 {
            self.adoptions.stumble(bucket.id, None);
        }
        self.set_by_system(bucket, BucketSetting::AdoptionProgress(progress)).await?;
        Ok(next)
    }

    /// Of a page, the keys to bring, with the ETag they were brought with before.
    async fn wanted(
        &self,
        bucket: BucketId,
        entries: Vec<OriginEntry>,
    ) -> Result<Vec<(ObjectKey, Option<ETag>)>, Error> {
        // What is no key here is told by the difference.
        let key = |entry: OriginEntry| Some((ObjectKey::parse(&entry.key).ok()?, entry.etag));
        let entries: Vec<(ObjectKey, ETag)> = entries.into_iter().filter_map(key).collect();
        let stands = self.catalog.stands(bucket, entries.iter().map(|(key, _)| key.clone()).collect()).await?;
        let wanted = |((key, there), stand)| match stand {
            Stand::Untouched => Some((key, None)),
            Stand::Brought { etag, .. } if etag != there => Some((key, Some(etag))),
            Stand::Brought { .. } | Stand::Written | Stand::Deleted => None,
        };
        Ok(entries.into_iter().zip(stands).filter_map(wanted).collect())
    }

    /// Brings these over; returns how many failed, or `None` when the copy was told to rest.
    async fn bring_all(
        self: &Arc<Self>,
        bucket: &Bucket,
        origin: &Arc<Patient>,
        wanted: Vec<(ObjectKey, Option<ETag>)>,
        pace: &Arc<Pace>,
        progress: &mut AdoptionProgress,
    ) -> Result<Option<u64>, Error> {
        let bring = |(key, since): (ObjectKey, Option<ETag>)| {
            let (inner, bucket, origin, pace) =
                (Arc::clone(self), bucket.clone(), Arc::clone(origin), Arc::clone(pace));
            async move {
                let stage = inner.adoption(bucket.id).await?.map(|adoption| adoption.stage);
                if stage != Some(Stage::Copying) {
                    return Ok(None);
                }
                let brought = inner.bring(&bucket, &origin, &key, since, &pace).await;
                Ok::<_, Error>(Some((key, brought)))
            }
        };
        let mut work = futures::stream::iter(wanted).map(bring).buffer_unordered(AT_ONCE);
        let (mut failed, mut resting) = (0, false);
        let mut told = Instant::now();
        while let Some(done) = work.next().await {
            match done? {
                None => resting = true,
                Some((_, Ok(Brought::NotWanted))) => {}
                Some((_, Ok(Brought::Here { bytes, proof }))) => {
                    progress.objects += 1;
                    progress.bytes += bytes;
                    progress.unproven += u64::from(proof == Proof::Length);
                }
                Some((key, Err(error))) => {
                    failed += 1;
                    debug!(bucket = %bucket.name, %key, %error, "an object could not be brought over");
                    self.adoptions.stumble(bucket.id, Some(format!("`{key}`: {error}")));
                }
            }
            if told.elapsed() >= TELL {
                told = Instant::now();
                self.set_by_system(bucket, BucketSetting::AdoptionProgress(progress.clone())).await?;
            }
        }
        Ok((!resting).then_some(failed))
    }
}
