//! Applying outcomes. Nothing is evaluated here: what was decided is what becomes, and records of
//! different streams lead to the same state in whichever order they are shown (see `late`).

use std::collections::BTreeMap;

use model::{
    Aspect, BodyId, BodySlice, Bucket, BucketId, BucketSetting, Change, Extent, Label, Marker, Number, ObjectKey, Part,
    Record, Segment, SegmentId, Slot, Source, StreamId, Timestamp, Upload, UploadId, Vendor, Version, VersionId,
    VersionSetting,
};
use rusqlite::{OptionalExtension, params};

use super::late::{self, Late};
use super::sealed::{Db, Place};
use super::segments::{Holder, Placing};
use super::versions::{self, Kept, New};
use super::{adoption, codec, names, people, segments, settings, shred, streams, touch};
use crate::error::Error;

/// One showing transaction.
pub struct Apply<'c> {
    c: &'c Db<'c>,
    /// Of the stream: under its key lies what it brings.
    label: Option<Label>,
    /// When the pieces that the record names were proven, if that was here.
    proven: Option<Timestamp>,
    late: Late,
}

impl<'c> Apply<'c> {
    pub fn begin(c: &'c Db<'c>, label: Option<Label>) -> Result<Apply<'c>, Error> {
        Ok(Apply { c, label, proven: None, late: Late::load(c)? })
    }

    pub fn finish(self) -> Result<(), Error> {
        self.late.settle(self.c)
    }

    /// `extent` says where the small body that rode with the record lies, `proven` when the pieces that it
    /// names were proven, if that was here.
    pub fn record(&mut self, record: Record, extent: Option<Extent>, proven: Option<Timestamp>) -> Result<(), Error> {
        let number = record.number;
        self.proven = proven;
        self.change(number, record.change, extent)?;
        self.late.shown(self.c, number)
    }

    fn change(&mut self, number: Number, change: Change, extent: Option<Extent>) -> Result<(), Error> {
        match change {
            Change::BucketCreated(bucket, settings) => self.create_bucket(number, &bucket, &settings),
            Change::BucketDeleted { bucket } => self.delete_bucket(number, bucket),
            Change::ObjectPut { bucket, mut version, segments } => {
                place(&mut version.bodies, extent);
                self.name_segments(number, &segments)?;
                self.put(number, bucket, &version).map(drop)
            }
            Change::ObjectDeleted { bucket, key } => self.delete_object(number, bucket, &key),
            Change::ObjectCopied { bucket, mut version, source } => {
                self.place_as_source(&source, &mut version.bodies)?;
                self.put_shared(number, bucket, &version)
            }
            Change::MarkerPut { bucket, marker } => self.put_marker(number, bucket, &marker),
            Change::VersionDeleted { bucket, key, version, slot } => {
                self.delete_version(number, bucket, &key, version, slot)
            }
            Change::VersionSet { bucket, key, version, setting } => {
                self.set_version(number, bucket, &key, version, &setting)
            }
            Change::OriginHidden { bucket, key } => {
                self.delete_object(number, bucket, &key)?;
                self.hide(number, bucket, &key)
            }
            Change::UploadStarted(upload) => self.start_upload(number, &upload),
            Change::PartPut { bucket, upload, mut part, segments } => {
                place(std::slice::from_mut(&mut part.body), extent);
                self.name_segments(number, &segments)?;
                self.put_part(number, bucket, upload, &part).map(drop)
            }
            Change::PartCopied { bucket, upload, mut part, source } => {
                self.place_as_source(&source, std::slice::from_mut(&mut part.body))?;
                if self.put_part(number, bucket, upload, &part)? {
                    let holder = Holder::Part(upload, part.number);
                    segments::share(self.c, holder, std::slice::from_ref(&part.body))?;
                }
                Ok(())
            }
            Change::UploadCompleted { bucket, upload, mut version } => {
                self.place_as_parts(upload, &mut version.bodies)?;
                // First, so that the parts' segments do not lose their last use in between.
                self.put_shared(number, bucket, &version)?;
                self.end_upload(number, upload)
            }
            Change::UploadAborted { upload, .. } => self.end_upload(number, upload),
            Change::PiecesAdded { segment, pieces } => {
                if self.late.is_gone(self.c, number, &[touch::of_segment(segment)])? {
                    // What was placed since does without them.
                    return Ok(());
                }
                if !segments::add_pieces(self.c, segment, &pieces, self.proven)? {
                    self.late.came_early(number, segment, &pieces);
                }
                Ok(())
            }
            Change::SegmentPlaced { segment, code, promise, pieces } => {
                self.place_segment(number, segment, Placing { code, promise, pieces })
            }
            Change::PrincipalCreated(principal) => people::create_principal(self.c, &principal),
            Change::KeyIssued(key) => people::store_key(self.c, &key),
            Change::KeyRevoked { id, at } => people::revoke_key(self.c, &id, at),
            Change::KeyExpires { id, at } => people::expire_key(self.c, &id, at),
            Change::PrincipalSet(principal) => people::set_principal(self.c, number, &principal),
            Change::GroupSet(group) => people::store_group(self.c, number, &group),
            Change::GroupDeleted { group } => people::delete_group(self.c, number, group),
            Change::ReleaseSet(release) => people::store_release(self.c, &release),
            Change::LabelKeyCreated(key) => people::store_label_key(self.c, &key),
            Change::StreamOpened { stream, label, vendors } => self.open_stream(stream, label, &vendors),
            Change::SiteClaimed { site, .. } => people::store_site(self.c, &site),
            Change::SiteSet { site, state } => people::set_site(self.c, site, state),
            Change::BucketSet { bucket, setting } => self.set(number, bucket, &setting),
            Change::LabelShredded { label, keys, at } => shred::shred(self.c, number, &label, &keys, at),
            Change::CopyMade(copy) => people::store_copy(self.c, number, &copy),
        }
    }

    fn create_bucket(&self, number: Number, bucket: &Bucket, settings: &[BucketSetting]) -> Result<(), Error> {
        if self.late.is_gone(self.c, number, &[touch::of_bucket(bucket.id)])? {
            return Ok(());
        }
        self.c
            .prepare_cached("INSERT INTO bucket (id, label, name, owner, number, bucket) VALUES (?, ?, ?, ?, ?, ?)")?
            .execute(params![
                bucket.id.0,
                bucket.label.canonical(),
                bucket.name.as_str(),
                bucket.owner.0,
                number.0,
                codec::to_blob(bucket)
            ])?;
        let label = Some(bucket.label);
        settings.iter().try_for_each(|setting| settings::store(self.c, number, bucket.id, label.as_ref(), setting))?;
        self.heed_profile(bucket.id)
    }

    /// A bucket has the profile it was told last, whether that or the bucket itself is shown first.
    fn heed_profile(&self, bucket: BucketId) -> Result<(), Error> {
        let BucketSetting::Profile(Some(profile)) = settings::find(self.c, bucket, Aspect::Profile)? else {
            return Ok(());
        };
        let Some(mut bucket) = names::bucket(self.c, bucket)? else { return Ok(()) };
        bucket.profile = profile;
        let mut set = self.c.prepare_cached("UPDATE bucket SET bucket = ? WHERE id = ?")?;
        set.execute(params![codec::to_blob(&bucket), bucket.id.0])?;
        Ok(())
    }

    fn set(&self, number: Number, bucket: BucketId, setting: &BucketSetting) -> Result<(), Error> {
        if self.late.is_gone(self.c, number, &[touch::of_bucket(bucket)])? {
            return Ok(());
        }
        settings::store(self.c, number, bucket, self.label.as_ref(), setting)?;
        match setting {
            BucketSetting::Adoption(Some(adoption)) if !adoption.is_open() => adoption::unhide_all(self.c, bucket),
            BucketSetting::Profile(_) => self.heed_profile(bucket),
            _ => Ok(()),
        }
    }

    fn hide(&self, number: Number, bucket: BucketId, key: &ObjectKey) -> Result<(), Error> {
        if self.late.is_gone(self.c, number, &[touch::of_bucket(bucket)])? {
            return Ok(());
        }
        adoption::hide(self.c, number, bucket, key)
    }

    /// Uploads in progress and settings go with their bucket; there are no versions when this is decided.
    fn delete_bucket(&mut self, number: Number, bucket: BucketId) -> Result<(), Error> {
        self.late.ended(number, touch::of_bucket(bucket));
        self.c.prepare_cached("DELETE FROM bucket WHERE id = ?")?.execute([bucket.0])?;
        settings::forget(self.c, bucket)?;
        adoption::unhide_all(self.c, bucket)?;
        self.c
            .prepare_cached("DELETE FROM upload WHERE bucket = ? AND number < ?")?
            .execute(params![bucket.0, number.0])?;
        let mut drop = self.c.prepare_cached("DELETE FROM part WHERE bucket = ? AND number < ? RETURNING part")?;
        let parts = drop.query_map(params![bucket.0, number.0], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?;
        self.release_parts(number, &parts)
    }

    /// Of a version that holds bodies which came with other records.
    fn put_shared(&mut self, number: Number, bucket: BucketId, version: &Version) -> Result<(), Error> {
        let row = self.put(number, bucket, version)?;
        row.map_or(Ok(()), |row| segments::share(self.c, Holder::Version(row), &version.bodies))
    }

    /// The row it is in now, if it is there.
    fn put(&mut self, number: Number, bucket: BucketId, version: &Version) -> Result<Option<i64>, Error> {
        let new = New::Version(version);
        if self.is_too_late(number, bucket, &version.key, &new)? {
            // A copy of it may still be shown, with a number before that of its end.
            let until = self.late.newest_shown(self.c)?.max(number);
            self.late.left_unused(until, segments::of_bodies(&version.bodies));
            return Ok(None);
        }
        // Held before the old version lets go: both may lie in one segment.
        segments::hold(self.c, &version.bodies)?;
        self.place_new(number, bucket, &version.key, &new).map(Some)
    }

    fn put_marker(&mut self, number: Number, bucket: BucketId, marker: &Marker) -> Result<(), Error> {
        let new = New::Marker(marker);
        if self.is_too_late(number, bucket, &marker.key, &new)? {
            return Ok(());
        }
        self.place_new(number, bucket, &marker.key, &new).map(drop)
    }

    /// Whether something newer, already shown, ended this version or has its slot.
    fn is_too_late(&self, number: Number, bucket: BucketId, key: &ObjectKey, new: &New<'_>) -> Result<bool, Error> {
        let ends = [touch::of_version(new.id()), touch::of_bucket(bucket)];
        if self.late.is_gone(self.c, number, &ends)? {
            return Ok(true);
        }
        Ok(new.slot() == Slot::Null
            && (self.late.is_gone(self.c, number, &[touch::of_object(bucket, key)])?
                || versions::null_is_overtaken(self.c, bucket, key, number)?))
    }

    fn place_new(&mut self, number: Number, bucket: BucketId, key: &ObjectKey, new: &New<'_>) -> Result<i64, Error> {
        if new.slot() == Slot::Null {
            let replaced = versions::vacate_null(self.c, number, bucket, key)?;
            self.release(number, &replaced)?;
        }
        versions::insert(self.c, number, bucket, self.label.as_ref(), new)
    }

    fn release(&mut self, number: Number, removed: &[Version]) -> Result<(), Error> {
        for version in removed {
            self.late.left_unused(number, segments::release(self.c, &version.bodies)?);
        }
        Ok(())
    }

    /// The null version goes; of a bucket that keeps no versions that is the object.
    fn delete_object(&mut self, number: Number, bucket: BucketId, key: &ObjectKey) -> Result<(), Error> {
        self.late.ended(number, touch::of_object(bucket, key));
        let removed = versions::vacate_null(self.c, number, bucket, key)?;
        self.release(number, &removed)?;
        versions::promote(self.c, bucket, key)
    }

    fn delete_version(
        &mut self,
        number: Number,
        bucket: BucketId,
        key: &ObjectKey,
        id: VersionId,
        slot: Slot,
    ) -> Result<(), Error> {
        self.late.ended(number, touch::of_version(id));
        if slot == Slot::Null {
            // It had the slot when this was decided: what had it before, whether shown or to be shown,
            // went when it came.
            self.late.ended(number, touch::of_object(bucket, key));
            let before = versions::vacate_null(self.c, number, bucket, key)?;
            self.release(number, &before)?;
        }
        let removed = versions::remove(self.c, bucket, key, id)?;
        self.release(number, &removed)?;
        versions::promote(self.c, bucket, key)
    }

    fn set_version(
        &mut self,
        number: Number,
        bucket: BucketId,
        key: &ObjectKey,
        id: VersionId,
        setting: &VersionSetting,
    ) -> Result<(), Error> {
        let kind = setting.number();
        let value = self.c.to_value(self.label.as_ref(), Place::Said(id, kind), setting)?;
        if !versions::set(self.c, number, bucket, key, id, kind, &value)? {
            self.late.said_early(number, id, kind, value);
        }
        Ok(())
    }

    /// The record says where the source's bodies lay when it was decided. If the source was shown to
    /// this catalog from another journal segment since (see [`Apply::place_as_parts`]), they lie
    /// where its row says. Without a row the record's word is all there is: within a stream the
    /// source comes first, and goes later.
    fn place_as_source(&self, source: &Source, bodies: &mut [BodySlice]) -> Result<(), Error> {
        let Source { bucket, key, version } = source;
        if let Some(Kept::Version(_, source)) = versions::by_id(self.c, *bucket, key, *version)? {
            let placed = source.bodies.into_iter().map(|slice| (slice.body, slice.extents)).collect();
            lie_as(&placed, bodies);
        }
        Ok(())
    }

    fn start_upload(&self, number: Number, upload: &Upload) -> Result<(), Error> {
        let ends = [touch::of_upload(upload.id), touch::of_bucket(upload.bucket)];
        if self.late.is_gone(self.c, number, &ends)? {
            return Ok(());
        }
        self.c
            .prepare_cached(
                "INSERT INTO upload (id, bucket, key, initiated, number, upload) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                upload.id.0,
                upload.bucket.0,
                upload.key.as_str().as_bytes(),
                upload.initiated.0,
                number.0,
                self.c.to_value(self.label.as_ref(), Place::Upload(upload.id), upload)?
            ])?;
        Ok(())
    }

    /// Whether it is there now.
    fn put_part(&mut self, number: Number, bucket: BucketId, upload: UploadId, part: &Part) -> Result<bool, Error> {
        let ends = [touch::of_upload(upload), touch::of_bucket(bucket)];
        if self.late.is_gone(self.c, number, &ends)? {
            return Ok(false);
        }
        let mut find = self.c.prepare_cached("SELECT number, part FROM part WHERE upload = ? AND part_number = ?")?;
        let old: Option<(u64, Vec<u8>)> =
            find.query_row(params![upload.0, part.number], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if old.as_ref().is_some_and(|(old, _)| *old > number.0) {
            return Ok(false);
        }
        segments::hold(self.c, std::slice::from_ref(&part.body))?;
        self.release_parts(number, &old.map(|(_, part)| part).into_iter().collect::<Vec<_>>())?;
        self.c
            .prepare_cached(
                "INSERT INTO part (upload, part_number, bucket, number, body, part) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (upload, part_number) DO UPDATE SET number = ?4, body = ?5, part = ?6",
            )?
            .execute(params![upload.0, part.number, bucket.0, number.0, part.body.body.0, codec::to_blob(part)])?;
        Ok(true)
    }

    /// The record says where the parts lay when it was decided. If they were shown to this catalog
    /// from another journal segment since (a batch may lie at the sites twice, and an older catalog
    /// replays either), they lie where their rows say. Without a row the record's word is all there
    /// is: within a stream parts come first.
    fn place_as_parts(&self, upload: UploadId, bodies: &mut [BodySlice]) -> Result<(), Error> {
        let mut find = self.c.prepare_cached("SELECT part FROM part WHERE upload = ?")?;
        let parts = find.query_map([upload.0], |row| row.get(0))?.collect::<Result<Vec<Vec<u8>>, _>>()?;
        let mut placed = BTreeMap::new();
        for blob in parts {
            let Part { body, .. } = codec::from_blob(&blob)?;
            placed.insert(body.body, body.extents);
        }
        lie_as(&placed, bodies);
        Ok(())
    }

    fn end_upload(&mut self, number: Number, upload: UploadId) -> Result<(), Error> {
        self.late.ended(number, touch::of_upload(upload));
        self.c.prepare_cached("DELETE FROM upload WHERE id = ?")?.execute([upload.0])?;
        let mut drop = self.c.prepare_cached("DELETE FROM part WHERE upload = ? RETURNING part")?;
        let parts = drop.query_map([upload.0], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?;
        self.release_parts(number, &parts)
    }

    fn release_parts(&mut self, number: Number, parts: &[Vec<u8>]) -> Result<(), Error> {
        for blob in parts {
            let part: Part = codec::from_blob(blob)?;
            let unused = segments::release(self.c, std::slice::from_ref(&part.body))?;
            self.late.left_unused(number, unused);
        }
        Ok(())
    }

    /// Remembers the segments a record brings. They count as unused until something is found to
    /// lie in them: the record may have been overtaken.
    fn name_segments(&mut self, number: Number, segments: &[Segment]) -> Result<(), Error> {
        for segment in segments {
            segments::insert(self.c, segment, self.proven)?;
            late::place_early(self.c, segment.id, self.proven)?;
        }
        self.late.left_unused(number, segments.iter().map(|segment| segment.id));
        Ok(())
    }

    fn place_segment(&mut self, number: Number, id: SegmentId, placing: Placing) -> Result<(), Error> {
        let subject = touch::of_segment(id);
        if self.late.is_gone(self.c, number, std::slice::from_ref(&subject))? {
            return Ok(());
        }
        self.late.ended(number, subject);
        if !segments::place(self.c, id, &placing, self.proven)? {
            self.late.placed_early(number, id, placing);
        }
        Ok(())
    }

    fn open_stream(&self, stream: StreamId, label: Label, vendors: &[Vendor]) -> Result<(), Error> {
        streams::insert(self.c, stream, Some(label), &vendors.iter().copied().collect())
    }
}

/// Bodies that are known to lie somewhere lie there.
fn lie_as(placed: &BTreeMap<BodyId, Vec<Extent>>, bodies: &mut [BodySlice]) {
    for slice in bodies {
        if let Some(extents) = placed.get(&slice.body) {
            slice.extents.clone_from(extents);
        }
    }
}

/// Fills in where the body lies that rode with its record.
fn place(bodies: &mut [BodySlice], extent: Option<Extent>) {
    if let Some(extent) = extent {
        bodies.iter_mut().filter(|body| body.extents.is_empty()).for_each(|body| body.extents.push(extent));
    }
}
