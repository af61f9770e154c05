//! Shipping: an encoded segment's pieces go to their sites until enough are proven.
//!
//! With every site well, enough is the profile's promise. A site that stalls past its measured
//! deadline may catch up once the floor holds; when sites fail so that the floor cannot be reached,
//! the segment is re-coded for the sites that are left and shipped again under new names. The
//! ciphertext is held until then, so a vendor dying in the middle never fails a request.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use coding::Identity;
use coding::segment::Encoded;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::{Code, Label, Piece, PieceName, Profile, Segment, SegmentId, SegmentKind, SiteId};
use providers::Kind;
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::budget::Reserved;
use crate::error::Error;
use crate::inner::Inner;
use crate::limits::{SHIP_AGAIN, UPLOAD_DEADLINE_MAX, UPLOAD_DEADLINE_MIN};
use crate::placement::{self, Map};
use crate::sites::object_name;
use crate::{trail, work};

/// Rounds of re-placement before the caller is told; each avoids the sites that failed before.
const ROUNDS: usize = 6;

type Upload = (Piece, Result<(), providers::Error>);
/// Alive as long as the site's upload.
type UnderWay = BTreeMap<SiteId, Weak<()>>;
type Uploads = FuturesUnordered<std::pin::Pin<Box<dyn Future<Output = Upload> + Send>>>;

/// A segment that stands, and the uploads that were not waited for.
pub struct Standing {
    pub segment: Segment,
    pub late: Late,
}

/// Uploads still under way when the floor was enough.
pub struct Late {
    uploads: Uploads,
}

impl Inner {
    /// Ships until the segment stands by `profile`. The returned segment's id differs from
    /// `identity`'s if it had to be re-coded.
    pub async fn ship(
        self: &Arc<Self>,
        mut encoded: Encoded,
        mut identity: Identity,
        profile: Profile,
        reserved: Option<Reserved>,
    ) -> Result<Standing, Error> {
        // Given back when the last upload is over, whether it was waited for or not.
        let reserved = Arc::new(reserved);
        let label = self.label_of(identity.stream)?;
        let mut avoid = Vec::new();
        for round in 0..ROUNDS {
            let turn = u64::from_le_bytes(self.outside.random());
            let map = match self.sites.map(profile, label, &avoid, turn) {
                Ok(map) => map,
                Err(under) if avoid.is_empty() => return Err(Error::unavailable(under.to_string())),
                Err(_) => {
                    // What failed here may only have stumbled: ask all that look well once more.
                    avoid.clear();
                    tokio::time::sleep(SHIP_AGAIN).await;
                    continue;
                }
            };
            if round > 0 || map.code != encoded.layout.code {
                identity.segment = match identity.kind {
                    SegmentKind::Journal => self.journal_segment(),
                    SegmentKind::Data => SegmentId::random(&self.outside),
                };
                encoded = self.recode(encoded, map.code, identity).await?;
            }
            match self.attempt(&encoded, &identity, &map, (profile, label), &reserved).await {
                Ok((pieces, uploads)) => {
                    let segment = segment(&identity, &encoded, profile, pieces);
                    return Ok(Standing { segment, late: Late { uploads } });
                }
                Err(failed) => {
                    debug!(segment = %identity.segment, round, ?failed, "placing the segment again");
                    avoid.extend(failed);
                }
            }
        }
        Err(Error::unavailable("too many sites failed while the data was being written"))
    }

    async fn recode(&self, encoded: Encoded, code: Code, identity: Identity) -> Result<Encoded, Error> {
        let _turn = self.recoding.acquire().await;
        let bytes = encoded.pieces.iter().map(bytes::Bytes::len).sum();
        work::run(&self.outside, bytes, move || encoded.recode(code, identity)).await
    }

    /// One round: the proven pieces and the uploads left behind, or the sites that failed it.
    async fn attempt(
        &self,
        encoded: &Encoded,
        identity: &Identity,
        map: &Map,
        (profile, label): (Profile, Option<Label>),
        reserved: &Arc<Option<Reserved>>,
    ) -> Result<(Vec<Piece>, Uploads), Vec<SiteId>> {
        let enough = usize::from(map.code.k + profile.floor().min(map.code.m));
        let (mut uploads, mut under_way) = self.start_uploads(encoded, identity, map, reserved);
        let bytes = encoded.pieces.first().map_or(0, bytes::Bytes::len);
        let within = self.upload_deadline(map, profile, bytes);
        let deadline = tokio::time::sleep_until(Instant::now() + within);
        tokio::pin!(deadline);

        let (mut proven, mut failed, mut patient) = (Vec::<Piece>::new(), Vec::new(), true);
        while !uploads.is_empty() {
            if proven.len() + uploads.len() < enough {
                return Err(failed);
            }
            tokio::select! {
                biased;
                done = uploads.next() => if let Some((piece, stored)) = done {
                    under_way.remove(&piece.site);
                    match stored {
                        Ok(()) => proven.push(piece),
                        Err(error) => {
                            debug!(site = %piece.site, kind = ?error.kind, "a piece could not be stored");
                            failed.push(piece.site);
                        }
                    }
                },
                () = &mut deadline, if patient => {
                    patient = false;
                    if proven.len() < enough {
                        failed.extend(under_way.keys());
                        if placement::compile(profile, &self.sites.writable(label, &failed), 0).is_ok() {
                            self.leave_behind(under_way, bytes, within);
                            return Err(failed);
                        }
                        failed.retain(|site| !under_way.contains_key(site));
                    }
                },
            }
            if !patient && proven.len() >= enough {
                self.leave_behind(under_way, bytes, within);
                break;
            }
        }
        if proven.len() < enough {
            return Err(failed);
        }
        proven.sort_unstable();
        Ok((proven, uploads))
    }

    fn start_uploads(
        &self,
        encoded: &Encoded,
        identity: &Identity,
        map: &Map,
        reserved: &Arc<Option<Reserved>>,
    ) -> (Uploads, UnderWay) {
        let (uploads, mut under_way) = (Uploads::new(), UnderWay::new());
        let mut kin = None;
        for ((index, bytes), site) in (0u8..).zip(&encoded.pieces).zip(&map.sites) {
            let Some(known) = self.sites.get(*site) else { continue };
            // Pieces of the journal are named alike, so that a replay knows which belong together.
            let random = self.outside.random();
            let random = match identity.kind {
                SegmentKind::Journal => named(*kin.get_or_insert(random), index),
                SegmentKind::Data => random,
            };
            let name = PieceName { kind: identity.kind, epoch: identity.epoch, random };
            let piece = Piece { index, site: *site, name };
            let (store, bytes, reserved) = (Arc::clone(&known.handle.store), bytes.clone(), Arc::clone(reserved));
            let object = object_name(self.enclave, &name);
            let running = Arc::new(());
            under_way.insert(*site, Arc::downgrade(&running));
            // A task of its own: whoever waits may go, the upload comes to its end.
            let upload = async move {
                let stored = store.put_new(&object, bytes).await;
                drop((reserved, running));
                stored
            };
            let upload = tokio::spawn(trail::carried(upload));
            uploads.push(Box::pin(async move {
                let stopped = |error| providers::Error::new(providers::ErrorKind::Unavailable, error);
                (piece, upload.await.map_err(stopped).and_then(|result| result))
            }));
        }
        (uploads, under_way)
    }

    fn leave_behind(&self, uploads: UnderWay, bytes: usize, within: Duration) {
        for (site, upload) in uploads {
            self.sites.leave_behind(site, upload, bytes as u64, within);
        }
    }

    /// Within which an upload of this much counts as prompt: what the sites that the floor needs at
    /// least nearly always keep, with room to spare, but never less than twice what the slowest site
    /// usually takes. One that turns slow is therefore found late while most of what is known of it
    /// is from before, and one that is far away is not.
    fn upload_deadline(&self, map: &Map, profile: Profile, bytes: usize) -> Duration {
        let bytes = bytes as u64;
        let meters = map.sites.iter().filter_map(|site| self.sites.get(*site)).map(|known| &known.handle.meter);
        let mut nearly_always: Vec<_> = meters.clone().filter_map(|meter| meter.p99(Kind::Put, bytes)).collect();
        nearly_always.sort_unstable();
        let needed = nearly_always.get(usize::from(profile.floor())).or(nearly_always.last());
        let usually = meters.filter_map(|meter| meter.p50(Kind::Put, bytes)).max().unwrap_or_default();
        needed.map_or(UPLOAD_DEADLINE_MAX, |needed| {
            (*needed * 4).max(usually * 2).clamp(UPLOAD_DEADLINE_MIN, UPLOAD_DEADLINE_MAX)
        })
    }
}

/// The random part of a name among kin.
pub fn named(kin: [u8; 16], index: u8) -> [u8; 16] {
    let mut random = kin;
    if let Some(last) = random.last_mut() {
        *last = index;
    }
    random
}

fn segment(identity: &Identity, encoded: &Encoded, profile: Profile, pieces: Vec<Piece>) -> Segment {
    Segment {
        id: identity.segment,
        kind: identity.kind,
        stream: identity.stream,
        code: encoded.layout.code,
        cell: encoded.layout.cell,
        length: encoded.layout.length,
        key: identity.key,
        epoch: identity.epoch,
        promise: profile.promise(),
        pieces,
    }
}

impl Late {
    /// Follows the uploads left behind, now that the segment is known: those that arrive count,
    /// and whatever is missing then is caught up.
    pub fn follow(self, inner: &Arc<Inner>, segment: &Segment) {
        let inner = Arc::clone(inner);
        let complete = segment.pieces.len() == usize::from(segment.code.n());
        if self.uploads.is_empty() {
            if !complete {
                inner.catch_up.notify_one();
            }
            return;
        }
        let segment = segment.clone();
        tokio::spawn(async move {
            let Late { mut uploads } = self;
            let mut arrived = Vec::new();
            while let Some((piece, result)) = uploads.next().await {
                if result.is_ok() {
                    arrived.push(piece);
                }
            }
            if let Err(error) = inner.remember_new(&segment, arrived).await {
                warn!(segment = %segment.id, %error, "pieces arrived late and could not be recorded");
            }
            inner.catch_up.notify_one();
        });
    }
}

impl Inner {
    /// Records the pieces whose place was not filled meanwhile: each index and each vendor counts
    /// once. Of a segment that was coded anew since they are none any more, and those at a site that is
    /// being left would only have to be brought away again.
    async fn remember_new(self: &Arc<Self>, shipped: &Segment, mut pieces: Vec<Piece>) -> Result<(), Error> {
        let _claim = self.claims.take(shipped.id).await;
        let known = self.catalog.segment(shipped.id).await?;
        let Some(known) = known.filter(|known| known.code == shipped.code) else { return Ok(()) };
        pieces.retain(|piece| self.sites.get(piece.site).is_some_and(|site| site.state().stays()));
        let vendor = |piece: &Piece| self.sites.vendor(piece.site);
        pieces.retain(|piece| {
            known.pieces.iter().all(|other| other.index != piece.index && vendor(other) != vendor(piece))
        });
        if pieces.is_empty() {
            return Ok(());
        }
        self.remember_pieces(&known, pieces).await
    }

    /// Records which pieces of the segment count from here on, the code they are of and what they promise; whoever
    /// does holds the segment's claim. Those of journal segments are journaled too: a catalog that was put back
    /// from a backup must learn that the pieces it knows are gone. It ends, for where the record goes is settled.
    pub async fn place(
        self: &Arc<Self>,
        segment: &Segment,
        code: Code,
        promise: u8,
        pieces: Vec<Piece>,
    ) -> Result<(), Error> {
        let id = segment.id;
        self.commit_move(segment, model::Change::SegmentPlaced { segment: id, code, promise, pieces }).await
    }

    /// Records further proven pieces: of data segments through the journal, so that a rebuild
    /// finds them; of journal segments in the catalog alone, since a rebuild lists those anyway.
    pub async fn remember_pieces(self: &Arc<Self>, segment: &Segment, pieces: Vec<Piece>) -> Result<(), Error> {
        let id = segment.id;
        match segment.kind {
            SegmentKind::Journal => Ok(self.catalog.add_pieces(id, pieces).await?),
            SegmentKind::Data => self.commit_move(segment, model::Change::PiecesAdded { segment: id, pieces }).await,
        }
    }
}
