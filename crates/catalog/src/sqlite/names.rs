//! Buckets, objects, uploads and parts, one by one.

use model::{Bucket, BucketId, BucketName, Label, ObjectKey, Part, PrincipalId, Upload, UploadId, Which};
use rusqlite::{Connection, OptionalExtension, params};

use super::sealed::{Db, Place};
use super::versions::{self, Kept};
use super::{codec, segments, settings};
use crate::error::Error;
use crate::interface::{Entry, Object};

pub fn bucket(c: &Connection, id: BucketId) -> Result<Option<Bucket>, Error> {
    let mut find = c.prepare_cached("SELECT bucket FROM bucket WHERE id = ?")?;
    let blob: Option<Vec<u8>> = find.query_row([id.0], |row| row.get(0)).optional()?;
    blob.as_deref().map(codec::from_blob).transpose()
}

pub fn bucket_named(c: &Connection, label: &Label, name: &BucketName) -> Result<Option<Bucket>, Error> {
    let mut find =
        c.prepare_cached("SELECT bucket FROM bucket WHERE label = ? AND name = ? ORDER BY number DESC LIMIT 1")?;
    let blob: Option<Vec<u8>> =
        find.query_row(params![label.canonical(), name.as_str()], |row| row.get(0)).optional()?;
    blob.as_deref().map(codec::from_blob).transpose()
}

/// By name.
pub fn buckets_of(c: &Connection, owner: PrincipalId, label: &Label) -> Result<Vec<Bucket>, Error> {
    let mut find = c.prepare_cached("SELECT bucket FROM bucket WHERE owner = ? AND label = ? ORDER BY name")?;
    let blobs = find.query_map(params![owner.0, label.canonical()], |row| row.get::<_, Vec<u8>>(0))?;
    blobs.map(|blob| codec::from_blob(&blob?)).collect()
}

/// By name.
pub fn buckets_at(c: &Connection, label: &Label) -> Result<Vec<Bucket>, Error> {
    let mut find = c.prepare_cached("SELECT bucket FROM bucket WHERE label = ? ORDER BY name")?;
    let blobs = find.query_map([label.canonical()], |row| row.get::<_, Vec<u8>>(0))?;
    blobs.map(|blob| codec::from_blob(&blob?)).collect()
}

/// The version or marker that is meant; of a version every segment it lies in.
pub fn find(c: &Db<'_>, bucket: BucketId, key: &ObjectKey, which: Which) -> Result<Option<Entry>, Error> {
    let (number, version) = match versions::find(c, bucket, key, which)? {
        None => return Ok(None),
        Some(Kept::Marker(_, marker)) => return Ok(Some(Entry::Marker(marker))),
        Some(Kept::Version(number, version)) => (number, version),
    };
    let missing = |id| Error::Damaged(format!("segment {id} of an object is not in it"));
    let segments = segments::of_bodies(&version.bodies)
        .into_iter()
        .map(|id| segments::find(c, id)?.ok_or_else(|| missing(id)))
        .collect::<Result<_, _>>()?;
    let versioning = settings::versioning(c, bucket)?;
    Ok(Some(Entry::Object(Object { number, version, segments, versioning })))
}

pub fn upload(c: &Db<'_>, bucket: BucketId, id: UploadId) -> Result<Option<Upload>, Error> {
    let mut find = c.prepare_cached("SELECT upload FROM upload WHERE id = ? AND bucket = ?")?;
    let blob: Option<Vec<u8>> = find.query_row([id.0, bucket.0], |row| row.get(0)).optional()?;
    blob.map(|blob| c.read_value(Place::Upload(id), &blob)).transpose()
}

/// In order of their numbers.
pub fn parts(c: &Connection, upload: UploadId, after: u16, limit: usize) -> Result<Vec<Part>, Error> {
    let mut find =
        c.prepare_cached("SELECT part FROM part WHERE upload = ? AND part_number > ? ORDER BY part_number LIMIT ?")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let blobs = find.query_map(params![upload.0, after, limit], |row| row.get::<_, Vec<u8>>(0))?;
    blobs.map(|blob| codec::from_blob(&blob?)).collect()
}
