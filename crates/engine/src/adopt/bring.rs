//! Bringing one object over: its bytes are taken in like a client's, its record says whence it came,
//! and it is shown only if nobody wrote or deleted the key here meanwhile.

use std::ops::Range;
use std::sync::Arc;

use catalog::Proposal;
use coding::keys::WrapContext;
use futures::StreamExt;
use model::{
    BodySlice, Bucket, Change, ETag, Governance, Guard, Lock, ObjectKey, Precondition, Slot, Tags, Version, VersionId,
};
use providers::{Fetched, Origin, OriginError, OriginErrorKind, OriginObject, Patient};

use super::pace::Pace;
use super::{Adopted, at_origin};
use crate::api::{Body, Declared, Engine};
use crate::error::{BodyError, BodyErrorKind, Error};
use crate::inner::Inner;
use crate::intake::Destination;
use crate::limits::BODY_MAX;
use crate::put::{Content, hex};

/// Times the bytes are taken when they are not what the origin's MD5 says. An ETag may look like an
/// MD5 and be none (where the vendor encrypts with its customer's key): the same bytes twice are taken
/// for the object.
const TAKES: usize = 3;

/// What became of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brought {
    Here {
        bytes: u64,
        proof: Proof,
    },
    /// A client wrote or deleted the key, or it is no longer at the origin: nothing to bring.
    NotWanted,
}

/// What the bytes were compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Md5,
    /// The length alone: the origin shows no MD5.
    Length,
}

impl Inner {
    /// Brings the object over that the origin holds now. `since` is the ETag it was brought with
    /// before, if it was.
    pub(super) async fn bring(
        self: &Arc<Self>,
        bucket: &Bucket,
        origin: &Patient,
        key: &ObjectKey,
        since: Option<ETag>,
        pace: &Arc<Pace>,
    ) -> Result<Brought, Error> {
        let mut seen = None;
        for _ in 0..TAKES {
            let (object, contents) = match self.take(bucket, origin, key, pace).await {
                Ok(taken) => taken,
                Err(Miss::Gone) => return Ok(Brought::NotWanted),
                // It changed while it was on its way: the new one, then.
                Err(Miss::Changed) => continue,
                Err(Miss::Failed(error)) => return Err(error),
            };
            // Of an object in one run of bytes; S3's single puts reach no further either.
            let found = match contents.as_slice() {
                [(_, only)] => Some(only.written.etag.clone()),
                _ => None,
            };
            let told = object.md5.map(|md5| ETag(hex(&md5)));
            let proof = match (told, found) {
                (Some(told), Some(found)) if told == found => Proof::Md5,
                (Some(_), found @ Some(_)) if seen != found => {
                    seen = found;
                    continue;
                }
                _ => Proof::Length,
            };
            let bytes = object.size;
            return match self.commit_brought(bucket, key, object, contents, since.clone()).await {
                Ok(()) => Ok(Brought::Here { bytes, proof }),
                Err(Error::PreconditionFailed) => Ok(Brought::NotWanted),
                Err(error) => Err(error),
            };
        }
        Err(Error::unavailable("the object changes at the origin faster than it can be copied"))
    }

    /// For a request that needs the object here; nothing happens in a bucket that adopts nothing.
    pub(crate) async fn bring_now(self: &Arc<Self>, bucket: &Bucket, key: &ObjectKey) -> Result<(), Error> {
        let Some(Adopted { origin, .. }) = self.adopted(bucket.id).await? else { return Ok(()) };
        self.bring(bucket, &origin, key, None, &Arc::new(Pace::new(None))).await.map(|_| ())
    }

    /// The whole object as contents that lie here, each at most as large as a body may be.
    async fn take(
        self: &Arc<Self>,
        bucket: &Bucket,
        origin: &Patient,
        key: &ObjectKey,
        pace: &Arc<Pace>,
    ) -> Result<(OriginObject, Vec<(BodySlice, Content)>), Miss> {
        let stream = self.stream_of(bucket).map_err(Miss::Failed)?;
        let secret = self.label_key(&bucket.label).map_err(Miss::Failed)?;
        let to = Destination { bucket: bucket.id, profile: bucket.profile, stream: stream.id, key: secret.tag() };
        let mut fetched = origin.get(key.as_str(), None, None).await?;
        let object = fetched.object.clone();
        let mut contents = Vec::new();
        for range in runs(object.size) {
            if range.start > 0 {
                fetched = origin.get(key.as_str(), Some(range.clone()), Some(&object.etag)).await?;
            }
            let length = range.end - range.start;
            let declared = Declared { length: Some(length), ..Declared::default() };
            let taken = self.take_in(declared, body(fetched, length, pace), to).await.map_err(Miss::Failed)?;
            contents.push(Content::of(taken));
            // The rest of the first answer, if it was cut, is not read.
            fetched = Fetched { object: object.clone(), bytes: Box::pin(futures::stream::empty()) };
        }
        Ok((object, contents))
    }

    async fn commit_brought(
        self: &Arc<Self>,
        bucket: &Bucket,
        key: &ObjectKey,
        object: OriginObject,
        contents: Vec<(BodySlice, Content)>,
        since: Option<ETag>,
    ) -> Result<(), Error> {
        let OriginObject { size, etag, modified, metadata, md5: _ } = object;
        let secret = self.label_key(&bucket.label)?;
        let id = VersionId::random(&self.outside);
        let (bodies, mut contents): (Vec<_>, Vec<_>) = contents.into_iter().unzip();
        let keys: Vec<_> = contents.iter_mut().flat_map(|content| std::mem::take(&mut content.keys)).collect();
        let context =
            WrapContext::Version { label: &bucket.label, bucket: bucket.id, key, version: id, bodies: &bodies };
        let checksums = match contents.as_slice() {
            [only] => only.written.checksums.clone(),
            _ => Vec::new(),
        };
        let version = Version {
            id,
            key: key.clone(),
            size,
            etag: etag.clone(),
            modified,
            metadata,
            checksums,
            parts: Vec::new(),
            wrap: secret.wrap_bodies(&context, &keys, &self.outside),
            bodies,
            slot: Slot::Null,
            tags: Tags::default(),
            lock: Lock::default(),
            brought: Some(etag),
        };
        let segments = contents.iter().flat_map(Content::segments).collect();
        let inline = contents.iter().find_map(|content| content.inline.clone());
        let guard = Guard { bucket: Some((bucket.id, bucket.label)), ..Guard::default() };
        let change = Change::ObjectPut { bucket: bucket.id, version, segments };
        let condition = Precondition::Untouched { since };
        let proposal = Proposal { guard, condition, governance: Governance::Obeyed, change, body: inline };
        self.commit(&self.stream_of(bucket)?, proposal).await?;
        let engine = Engine { inner: Arc::clone(self) };
        for content in contents {
            content.stood(&engine);
        }
        Ok(())
    }
}

/// Why there is nothing to show.
enum Miss {
    Gone,
    Changed,
    Failed(Error),
}

impl From<OriginError> for Miss {
    fn from(error: OriginError) -> Miss {
        match error.kind {
            OriginErrorKind::NotFound => Miss::Gone,
            OriginErrorKind::Changed => Miss::Changed,
            _ => Miss::Failed(at_origin(&error)),
        }
    }
}

/// The object as runs that one body each can hold; of an empty one, one that is empty.
fn runs(size: u64) -> impl Iterator<Item = Range<u64>> {
    let count = size.div_ceil(BODY_MAX).max(1);
    (0..count).map(move |n| n * BODY_MAX..size.min((n + 1) * BODY_MAX))
}

/// The first `length` bytes of what was fetched, at the copy's pace.
fn body(fetched: Fetched, length: u64, pace: &Arc<Pace>) -> Body {
    let pace = Arc::clone(pace);
    let frames = futures::stream::unfold((fetched.bytes, length), move |(mut bytes, left)| {
        let pace = Arc::clone(&pace);
        async move {
            if left == 0 {
                return None;
            }
            let frame = match bytes.next().await? {
                Ok(mut frame) => {
                    frame.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                    pace.pass(frame.len()).await;
                    Ok(frame)
                }
                Err(error) => Err(BodyError { kind: BodyErrorKind::Incomplete, message: error.to_string() }),
            };
            let taken = frame.as_ref().map_or(left, |frame| frame.len() as u64);
            Some((frame, (bytes, left - taken)))
        }
    });
    Box::pin(frames)
}
