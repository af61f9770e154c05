//! Buckets, objects, uploads and parts, one by one.

use model::{Bucket, BucketId, BucketName, Label, Number, ObjectKey, Part, PrincipalId, Upload, UploadId, Version};
use rusqlite::{Connection, OptionalExtension, params};

use super::{codec, segments};
use crate::error::Error;
use crate::interface::Object;

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

/// The newest version of this key, with every segment it lies in.
pub fn object(c: &Connection, bucket: BucketId, key: &ObjectKey) -> Result<Option<Object>, Error> {
    let mut find = c.prepare_cached(
        "SELECT number, version FROM version WHERE bucket = ? AND key = ? ORDER BY number DESC LIMIT 1",
    )?;
    let found: Option<(u64, Vec<u8>)> =
        find.query_row(params![bucket.0, key.as_str().as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((number, blob)) = found else { return Ok(None) };
    let version: Version = codec::from_blob(&blob)?;
    let missing = |id| Error::Damaged(format!("segment {id} of an object is not in it"));
    let segments = segments::of_bodies(&version.bodies)
        .into_iter()
        .map(|id| segments::find(c, id)?.ok_or_else(|| missing(id)))
        .collect::<Result<_, _>>()?;
    Ok(Some(Object { number: Number(number), version, segments }))
}

pub fn upload(c: &Connection, bucket: BucketId, id: UploadId) -> Result<Option<Upload>, Error> {
    let mut find = c.prepare_cached("SELECT upload FROM upload WHERE id = ? AND bucket = ?")?;
    let blob: Option<Vec<u8>> = find.query_row([id.0, bucket.0], |row| row.get(0)).optional()?;
    blob.as_deref().map(codec::from_blob).transpose()
}

/// In order of their numbers.
pub fn parts(c: &Connection, upload: UploadId, after: u16, limit: usize) -> Result<Vec<Part>, Error> {
    let mut find =
        c.prepare_cached("SELECT part FROM part WHERE upload = ? AND part_number > ? ORDER BY part_number LIMIT ?")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let blobs = find.query_map(params![upload.0, after, limit], |row| row.get::<_, Vec<u8>>(0))?;
    blobs.map(|blob| codec::from_blob(&blob?)).collect()
}
