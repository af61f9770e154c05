//! PutObject and UploadPart: take the body in, wrap its key, and commit.

use catalog::Proposal;
use coding::keys::WrapContext;
use model::{BodySlice, Change, ETag, Governance, Part, Precondition, Slot, Timestamp, UploadId, Version, VersionId};
use policy::{Permit, PutObject};

use crate::api::{Body, Declared, Engine, Put, Written};
use crate::error::Error;
use crate::intake::{Destination, Place, Taken};
use crate::limits::PART_NUMBER_MAX;

impl Engine {
    /// Stores the body as the object. When this returns, the object outlives as many vendors as
    /// its bucket's profile promises (its floor while sites are out), and is visible.
    pub async fn put(&self, permit: Permit<PutObject>, put: Put, body: Body) -> Result<Written, Error> {
        let inner = &self.inner;
        inner.enter()?;
        let (bucket, key) = permit.object();
        let stream = inner.stream_of(bucket)?;
        let secret = inner.label_key(&bucket.label)?;
        let Put { metadata, tags, lock, condition, declared } = put;
        let to = Destination { bucket: bucket.id, profile: bucket.profile, stream: stream.id, key: secret.tag() };
        let taken = inner.take_in(declared, body, to).await?;

        let id = VersionId::random(&inner.outside);
        let (slice, content) = Content::of(taken);
        let bodies = vec![slice];
        let context =
            WrapContext::Version { label: &bucket.label, bucket: bucket.id, key, version: id, bodies: &bodies };
        let version = Version {
            id,
            key: key.clone(),
            size: content.written.size,
            etag: content.written.etag.clone(),
            modified: inner.outside.clock.now(),
            metadata,
            checksums: content.written.checksums.clone(),
            parts: Vec::new(),
            wrap: secret.wrap_bodies(&context, &content.keys, &inner.outside),
            bodies,
            slot: Slot::Null,
            tags,
            lock,
            brought: None,
        };
        let modified = version.modified;
        let change = Change::ObjectPut { bucket: bucket.id, version, segments: content.segments() };
        let proposal = Proposal {
            guard: permit.guard(),
            condition,
            governance: Governance::Obeyed,
            change,
            body: content.inline.clone(),
        };
        let decided = inner.commit(&stream, proposal).await?;
        let mut written = content.stood(self);
        written.modified = modified;
        written.note(self, &decided);
        Ok(written)
    }

    /// Stores the body as a part of an upload. A part of the same number is replaced.
    pub async fn put_part(
        &self,
        permit: Permit<PutObject>,
        upload: UploadId,
        number: u16,
        declared: Declared,
        body: Body,
    ) -> Result<Written, Error> {
        let inner = &self.inner;
        inner.enter()?;
        if !(1..=PART_NUMBER_MAX).contains(&number) {
            return Err(Error::Invalid(format!("part number {number} is not between 1 and {PART_NUMBER_MAX}")));
        }
        let (bucket, key) = permit.object();
        let found = inner.catalog.upload(bucket.id, upload).await?.ok_or(Error::NoSuchUpload)?;
        if found.key != *key {
            return Err(Error::NoSuchUpload);
        }
        let stream = inner.stream_of(bucket)?;
        let secret = inner.label_key(&bucket.label)?;
        let to = Destination { bucket: bucket.id, profile: bucket.profile, stream: stream.id, key: secret.tag() };
        let taken = inner.take_in(declared, body, to).await?;

        let (slice, content) = Content::of(taken);
        let context = WrapContext::Part { label: &bucket.label, bucket: bucket.id, upload, number, body: &slice };
        let part = Part {
            number,
            size: content.written.size,
            etag: content.written.etag.clone(),
            modified: inner.outside.clock.now(),
            checksums: content.written.checksums.clone(),
            wrap: secret.wrap_bodies(&context, &content.keys, &inner.outside),
            body: slice,
        };
        let change = Change::PartPut { bucket: bucket.id, upload, part, segments: content.segments() };
        let condition = Precondition::None;
        let proposal = Proposal {
            guard: permit.guard(),
            condition,
            governance: Governance::Obeyed,
            change,
            body: content.inline.clone(),
        };
        inner.commit(&stream, proposal).await?;
        Ok(content.stood(self))
    }
}

/// What a taken body contributes to its record.
pub(crate) struct Content {
    pub(crate) written: Written,
    pub(crate) keys: Vec<coding::chunk::BodyKey>,
    pub(crate) inline: Option<bytes::Bytes>,
    placed: Vec<(model::Segment, crate::ship::Late)>,
    _term: crate::epochs::Term,
    _reserved: Option<crate::budget::Reserved>,
}

impl Content {
    pub(crate) fn of(taken: Taken) -> (BodySlice, Content) {
        let (inline, extents, placed) = match taken.place {
            Place::Inline(sealed) => (Some(sealed), Vec::new(), Vec::new()),
            Place::Segments { extents, placed } => (None, extents, placed),
        };
        let slice = BodySlice { body: taken.body, body_length: taken.size, offset: 0, length: taken.size, extents };
        let etag = ETag(hex(&taken.md5));
        let modified = Timestamp::default();
        let written =
            Written { etag, size: taken.size, checksums: taken.checksums, version: None, modified, expiry: None };
        let keys = vec![taken.key];
        (slice, Content { written, keys, inline, placed, _term: taken.term, _reserved: taken.reserved })
    }

    pub(crate) fn segments(&self) -> Vec<model::Segment> {
        self.placed.iter().map(|(segment, _)| segment.clone()).collect()
    }

    /// The record is shown: pieces still on their way may now be recorded too.
    pub(crate) fn stood(self, engine: &Engine) -> Written {
        for (segment, late) in self.placed {
            late.follow(&engine.inner, &segment);
        }
        self.written
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
