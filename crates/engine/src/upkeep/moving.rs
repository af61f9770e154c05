//! Moves: what lies in a bucket is brought to where its profile says, after the profile was changed or sites
//! were added.
//!
//! ```text
//!  asked (a setting of the bucket) ─► what began before is over ─► versions, parts, journal: what lies
//!  otherwise is coded anew in place ─► a walk finds nothing ─► done (another setting)
//! ```
//!
//! What lies as a write would lie now is left alone, and so is what a cheaper site could hold as well. The
//! small bodies of a bucket lie in its label's journal, which has one profile for all of them: it rises to
//! what the most demanding bucket promises, and what was written under less is brought up; it never falls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use catalog::ListQuery;
use futures::StreamExt;
use model::{
    Aspect, Bucket, BucketId, BucketSetting, Label, Profile, Segment, SegmentId, SegmentKind, SiteState, StreamId,
    Timestamp, UploadId,
};
use policy::SystemPermit;
use tracing::{info, warn};

use super::before::Before;
use super::limits::Budget;
use super::mend::{self, Wait};
use super::plan::{self, Bill, Place, Wanted};
use crate::api::Engine;
use crate::bucket::Meant;
use crate::commit::stronger;
use crate::error::Error;
use crate::inner::Inner;

/// Versions that one transaction looks at, and parts and journal segments.
const PAGE: usize = 256;
/// Segments moved side by side.
const AT_ONCE: usize = 8;
/// How often what waits for others is looked at again.
const AGAIN: Duration = Duration::from_secs(10);
/// How often a loop without work looks by itself.
const IDLE: Duration = Duration::from_secs(300);

/// What moving the data of buckets would take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovePlan {
    /// Segments that lie as they should.
    pub well: u64,
    /// That are to be coded anew, and those of which only copies are added or let go.
    pub recoded: u64,
    pub copies: u64,
    /// For which nothing can be done now, by what they wait for.
    pub waiting: BTreeMap<Wait, u64>,
    /// That several versions share, and that therefore keep the higher promise they have.
    pub shared: u64,
    pub bill: Bill,
    /// Bytes that all of them take at the sites, before and after.
    pub stored: u64,
    pub stored_after: u64,
}

/// A move that was asked for.
#[derive(Clone, Debug)]
pub struct DataMove {
    pub bucket: Bucket,
    pub asked: Timestamp,
    pub done: bool,
}

/// What the moves under way did since this process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MoveProgress {
    pub segments: u64,
    pub bill: Bill,
    /// In the last walk, by what they wait for.
    pub waiting: BTreeMap<Wait, u64>,
}

#[derive(Default)]
pub struct Moves {
    progress: Mutex<MoveProgress>,
    pub asked: tokio::sync::Notify,
}

impl Moves {
    fn progress(&self) -> std::sync::MutexGuard<'_, MoveProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// What it would take to bring what lies in the bucket, or in every bucket, to where this profile, or its
    /// own, says. Nothing is changed.
    pub async fn plan_move(
        &self,
        _: &SystemPermit,
        bucket: Option<Meant<'_>>,
        profile: Option<Profile>,
    ) -> Result<MovePlan, Error> {
        let inner = &self.inner;
        let mut asked = BTreeMap::new();
        for bucket in inner.buckets_meant(bucket).await? {
            if let Some(profile) = profile {
                inner.check_vendors(profile, bucket.label)?;
            }
            asked.insert(bucket.id, Bucket { profile: profile.unwrap_or(bucket.profile), ..bucket });
        }
        inner.plan_move(asked).await
    }

    /// From now on the bucket has this profile, if one is given, and what lies in it, or in every bucket, is
    /// brought to where its profile says.
    pub async fn move_data(
        &self,
        _: &SystemPermit,
        bucket: Option<Meant<'_>>,
        profile: Option<Profile>,
    ) -> Result<(), Error> {
        let inner = &self.inner;
        inner.enter()?;
        if bucket.is_none() && profile.is_some() {
            return Err(Error::Invalid("a profile is given to one bucket at a time: name it".to_owned()));
        }
        for bucket in inner.buckets_meant(bucket).await? {
            if let Some(profile) = profile.filter(|profile| *profile != bucket.profile) {
                inner.check_vendors(profile, bucket.label)?;
                // From the first record of it on, the bucket's journal keeps what it promises.
                inner.raise_journal(inner.stream_of(&bucket)?.id, bucket.label, profile);
                inner.set_by_system(&bucket, BucketSetting::Profile(Some(profile))).await?;
                info!(bucket = %bucket.id, before = %bucket.profile, now = %profile, "a bucket has another profile");
            }
            let before = inner.moment(bucket.id, Aspect::MoveAsked).await?;
            let now = inner.outside.clock.now();
            let asked = before.map_or(now, |before| now.max(Timestamp(before.0 + 1)));
            inner.set_by_system(&bucket, BucketSetting::MoveAsked(Some(asked))).await?;
        }
        inner.moves.asked.notify_one();
        Ok(())
    }

    /// The moves that were asked for, and what those under way did.
    pub async fn data_moves(&self, _: &SystemPermit) -> Result<(Vec<DataMove>, MoveProgress), Error> {
        Ok((self.inner.data_moves().await?, self.inner.moves.progress().clone()))
    }

    /// What this is called where people read it, with the names of its sites.
    pub fn why(&self, _: &SystemPermit, wait: &Wait) -> String {
        self.inner.why(wait)
    }
}

impl Inner {
    async fn buckets_meant(&self, meant: Option<Meant<'_>>) -> Result<Vec<Bucket>, Error> {
        match meant {
            Some(meant) => Ok(vec![self.named(meant).await?]),
            None => {
                let mut all = Vec::new();
                for label in self.streams.labels() {
                    all.extend(self.catalog.buckets_at(label).await?);
                }
                Ok(all)
            }
        }
    }

    async fn moment(&self, bucket: BucketId, aspect: Aspect) -> Result<Option<Timestamp>, Error> {
        match self.catalog.bucket_setting(bucket, aspect).await? {
            BucketSetting::MoveAsked(at) | BucketSetting::MoveDone(at) => Ok(at),
            _ => Ok(None),
        }
    }

    async fn data_moves(&self) -> Result<Vec<DataMove>, Error> {
        let mut moves = Vec::new();
        for (bucket, setting) in self.catalog.buckets_with(Aspect::MoveAsked).await? {
            let BucketSetting::MoveAsked(Some(asked)) = setting else { continue };
            let done = self.moment(bucket.id, Aspect::MoveDone).await? >= Some(asked);
            moves.push(DataMove { bucket, asked, done });
        }
        Ok(moves)
    }

    async fn plan_move(&self, asked: BTreeMap<BucketId, Bucket>) -> Result<MovePlan, Error> {
        let (mut plan, mut seen) = (MovePlan::default(), BTreeSet::new());
        let mut places: BTreeMap<StreamId, Vec<Place>> = BTreeMap::new();
        let mut walk = Walk::over(asked);
        while let Some(page) = self.next_page(&mut walk).await? {
            let shared = self.catalog.shared(page.iter().map(|(segment, _)| segment.id).collect()).await?;
            for (segment, profile) in page {
                let Ok(label) = self.label_of(segment.stream) else { continue };
                let places = places.entry(segment.stream).or_insert_with(|| self.places(label));
                let is_shared = shared.contains(&segment.id);
                // What several versions share is met once for each.
                if !is_shared || seen.insert(segment.id) {
                    plan.add(&segment, places, profile, is_shared);
                }
            }
        }
        Ok(plan)
    }

    /// Does what was asked for until it is done.
    pub async fn move_forever(self: &Arc<Self>) {
        let mut before: (BTreeMap<BucketId, Timestamp>, Before) = Default::default();
        loop {
            let pause = match self.move_round(&mut before).await {
                Ok(true) => IDLE,
                Ok(false) => AGAIN,
                Err(error) => {
                    warn!(%error, "moving data goes on later");
                    AGAIN
                }
            };
            let _ = tokio::time::timeout(pause, self.moves.asked.notified()).await;
        }
    }

    /// One walk over what was asked for; tells whether nothing is left to do.
    async fn move_round(
        self: &Arc<Self>,
        (of, before): &mut (BTreeMap<BucketId, Timestamp>, Before),
    ) -> Result<bool, Error> {
        let open: Vec<DataMove> = self.data_moves().await?.into_iter().filter(|asked| !asked.done).collect();
        if open.is_empty() {
            return Ok(true);
        }
        let asked: BTreeMap<BucketId, Timestamp> = open.iter().map(|asked| (asked.bucket.id, asked.asked)).collect();
        if *of != asked {
            (*of, *before) = (asked, Before::default());
        }
        let quiet = self.is_over(before).await?;
        let mut waiting: BTreeMap<Wait, u64> = BTreeMap::new();
        let mut walk = Walk::over(open.iter().map(|asked| (asked.bucket.id, asked.bucket.clone())).collect());
        let mut moved = 0_u64;
        while let Some(page) = self.next_page(&mut walk).await? {
            let move_one = |(segment, profile): (Segment, Profile)| {
                let inner = Arc::clone(self);
                async move { inner.move_one(segment, profile, quiet).await }
            };
            let mut work = futures::stream::iter(page).map(move_one).buffered(AT_ONCE);
            while let Some(done) = work.next().await {
                let done = done.unwrap_or_else(|error| mend::Mended::waits(Wait::Failed(error.to_string())));
                moved += u64::from(done.bill.segments > 0);
                let mut progress = self.moves.progress();
                progress.segments += done.bill.segments;
                progress.bill += done.bill;
                done.waits.into_iter().for_each(|wait| *waiting.entry(wait).or_default() += 1);
            }
        }
        let done = quiet && waiting.is_empty();
        if !quiet {
            *waiting.entry(Wait::Before).or_default() += 1;
        }
        self.moves.progress().waiting = waiting;
        if done && moved == 0 {
            for DataMove { bucket, asked, .. } in open {
                self.set_by_system(&bucket, BucketSetting::MoveDone(Some(asked))).await?;
                info!(bucket = %bucket.id, profile = %bucket.profile, "what lies in the bucket lies as its profile says");
            }
        } else if done {
            // Once more over all of it: done is what a walk says that found nothing.
            self.moves.asked.notify_one();
        }
        Ok(false)
    }

    async fn move_one(
        self: &Arc<Self>,
        segment: Segment,
        profile: Profile,
        quiet: bool,
    ) -> Result<mend::Mended, Error> {
        // Until all that began under another profile is over, somebody may yet count on the higher promise.
        if profile.promise() < segment.promise && !quiet {
            return Ok(mend::Mended::waits(Wait::Before));
        }
        self.mend(segment.id, Wanted::As(profile), Budget::Day).await
    }

    /// The next segments that are concerned, each with the profile it should lie by; `None` behind the last.
    async fn next_page(&self, walk: &mut Walk) -> Result<Option<Vec<(Segment, Profile)>>, Error> {
        loop {
            let page = match &mut walk.stage {
                Stage::Versions(Some(row)) => {
                    let page = self.catalog.proofs(*row, PAGE).await?;
                    walk.stage = Stage::Versions(page.next);
                    let mut found: BTreeMap<SegmentId, Profile> = BTreeMap::new();
                    for object in &page.objects {
                        let Some(bucket) = walk.asked.get(&object.bucket) else { continue };
                        object.segments.iter().for_each(|id| want(&mut found, *id, bucket.profile));
                    }
                    let segment = |(id, profile)| Some((page.segments.get(&id)?.segment.clone(), profile));
                    found.into_iter().filter_map(segment).collect()
                }
                Stage::Versions(None) => {
                    walk.stage = Stage::Parts(self.uploads_of(&walk.asked).await?);
                    continue;
                }
                Stage::Parts(uploads) => match uploads.pop() {
                    Some((upload, profile)) => self.segments_of_parts(upload, profile).await?,
                    None => {
                        walk.stage = Stage::Journal(self.journals_of(&walk.asked), None);
                        continue;
                    }
                },
                Stage::Journal(streams, after) => {
                    let Some((stream, profile)) = streams.last().copied() else { return Ok(None) };
                    let page = self.catalog.journal_under(stream, profile.promise(), *after, PAGE).await?;
                    *after = page.last().map(|segment| segment.id);
                    if page.is_empty() {
                        streams.pop();
                        continue;
                    }
                    page.into_iter().map(|segment| (segment, profile)).collect::<Vec<_>>()
                }
            };
            let page: Vec<(Segment, Profile)> = page;
            // Of what lies in the journal the journal tells.
            let journal = matches!(walk.stage, Stage::Journal(..));
            return Ok(Some(page.into_iter().filter(|(one, _)| journal || one.kind == SegmentKind::Data).collect()));
        }
    }

    async fn uploads_of(&self, asked: &BTreeMap<BucketId, Bucket>) -> Result<Vec<(UploadId, Profile)>, Error> {
        let mut uploads = Vec::new();
        for bucket in asked.values() {
            let (mut query, mut after) = (ListQuery { limit: PAGE, ..ListQuery::default() }, None);
            loop {
                let page = self.catalog.uploads(bucket.id, query.clone(), after).await?;
                let found = page.entries.into_iter().filter_map(|entry| match entry {
                    catalog::ListEntry::Item(upload) => Some(upload),
                    catalog::ListEntry::Prefix(_) => None,
                });
                for upload in found {
                    (query.after, after) = (Some(upload.key.as_str().to_owned()), Some(upload.id));
                    uploads.push((upload.id, bucket.profile));
                }
                if !page.more {
                    break;
                }
            }
        }
        Ok(uploads)
    }

    async fn segments_of_parts(&self, upload: UploadId, profile: Profile) -> Result<Vec<(Segment, Profile)>, Error> {
        let (mut after, mut found) = (0, BTreeMap::new());
        loop {
            let parts = self.catalog.parts(upload, after, PAGE).await?;
            let Some(last) = parts.last() else { break };
            after = last.number;
            let extents = parts.iter().flat_map(|part| &part.body.extents);
            extents.for_each(|extent| want(&mut found, extent.segment, profile));
        }
        let mut segments = Vec::new();
        for (id, profile) in found {
            segments.extend(self.catalog.segment(id).await?.map(|segment| (segment, profile)));
        }
        Ok(segments)
    }

    /// The journals of these buckets' labels, each with what it is raised to.
    fn journals_of(&self, asked: &BTreeMap<BucketId, Bucket>) -> Vec<(StreamId, Profile)> {
        let mut journals: BTreeMap<StreamId, Profile> = BTreeMap::new();
        for bucket in asked.values() {
            let Some(stream) = self.streams.of(Some(bucket.label)) else { continue };
            let held = journals.entry(stream.id).or_insert_with(|| self.journal_profile(stream.id));
            *held = stronger(*held, bucket.profile);
        }
        journals.into_iter().collect()
    }

    /// Whether vendors enough are named that may hold what has this label.
    pub fn check_vendors(&self, profile: Profile, label: Label) -> Result<(), Error> {
        let (wanted, found) = (profile.code().n(), self.sites.vendors_of(Some(label)).len());
        if found >= usize::from(wanted) {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "profile {profile} needs {wanted} vendors, {found} are configured that may hold it"
        )))
    }

    /// What is waited for, in words.
    pub fn why(&self, wait: &Wait) -> String {
        let name = |id| match self.sites.get(id).map(|known| (&known.site.name, known.state())) {
            Some((name, SiteState::Active)) => format!("{name}, which is out"),
            Some((name, state)) => format!("{name}, which is {state}"),
            None => format!("site {id}, which the configuration does not name"),
        };
        match wait {
            Wait::Busy => "others that work on them".to_owned(),
            Wait::Sites(sites) => sites.iter().map(|id| name(*id)).collect::<Vec<_>>().join(", and for "),
            Wait::Vendors => "a further vendor: too few have a site that may hold them".to_owned(),
            Wait::Floor => "more sites that take writes: under the floor of the journal nothing is decided".to_owned(),
            Wait::Before => "writes that began before and are still under way".to_owned(),
            Wait::Listed => "the sweep: the site lists pieces that count".to_owned(),
            Wait::Spent => "the next day: the dollars that [keeping] allows are spent, and only what is in danger \
                            is restored until then"
                .to_owned(),
            Wait::Failed(why) => format!("another attempt, as the last one failed: {why}"),
        }
    }
}

/// A segment that several name is to keep the strongest of what they promise.
fn want(found: &mut BTreeMap<SegmentId, Profile>, id: SegmentId, profile: Profile) {
    let held = found.entry(id).or_insert(profile);
    *held = stronger(*held, profile);
}

/// A walk over everything that lies in some buckets.
struct Walk {
    asked: BTreeMap<BucketId, Bucket>,
    stage: Stage,
}

enum Stage {
    /// Versions of all buckets, from this row on.
    Versions(Option<u64>),
    /// Uploads in progress that are still to be looked at.
    Parts(Vec<(UploadId, Profile)>),
    /// Journals that are, the last of them from behind this segment on.
    Journal(Vec<(StreamId, Profile)>, Option<SegmentId>),
}

impl Walk {
    fn over(asked: BTreeMap<BucketId, Bucket>) -> Walk {
        Walk { asked, stage: Stage::Versions(Some(0)) }
    }
}

impl MovePlan {
    fn add(&mut self, segment: &Segment, places: &[Place], profile: Profile, is_shared: bool) {
        let wanted = Wanted::As(profile);
        let held = segment.pieces.len() as u64 * plan::piece_length(segment, segment.code);
        self.stored = self.stored.saturating_add(held);
        if plan::fits(segment, places, wanted) || (is_shared && profile.promise() < segment.promise) {
            let shared = !plan::fits(segment, places, wanted);
            self.shared += u64::from(shared);
            self.well += u64::from(!shared);
            self.stored_after = self.stored_after.saturating_add(held);
            return;
        }
        let target = plan::target(segment, places, wanted);
        let wait = match &target {
            Some(target) => match plan::way(segment, target, places) {
                Some(priced) => {
                    *(if target.recodes(segment) { &mut self.recoded } else { &mut self.copies }) += 1;
                    self.bill += priced.bill;
                    let pieces = (target.keep.len() + target.fill.len()) as u64;
                    let after = pieces * plan::piece_length(segment, target.code);
                    self.stored_after = self.stored_after.saturating_add(after);
                    return;
                }
                None => Some(mend::sources_out(segment, places)),
            },
            None => mend::waits(segment, places, wanted),
        };
        self.stored_after = self.stored_after.saturating_add(held);
        wait.into_iter().for_each(|wait| *self.waiting.entry(wait).or_default() += 1);
    }
}
