//! Settings of buckets: per aspect the value with the greatest number.

use model::{Aspect, Bucket, BucketId, BucketSetting, Label, Number, Versioning};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec;
use super::sealed::{Db, Place};
use crate::error::Error;

/// Settings that hold words of people are sealed. The others are switches, lists of ids and where an origin
/// is; every request asks for some of them.
const SEALED: [Aspect; 3] = [Aspect::Tags, Aspect::Lifecycle, Aspect::Cors];

pub fn is_sealed(aspect: u8) -> bool {
    SEALED.iter().any(|sealed| sealed.number() == aspect)
}

/// What holds of this aspect.
pub fn find(c: &Db<'_>, bucket: BucketId, aspect: Aspect) -> Result<BucketSetting, Error> {
    let mut find = c.prepare_cached("SELECT setting FROM bucket_setting WHERE bucket = ? AND aspect = ?")?;
    let blob: Option<Vec<u8>> = find.query_row(params![bucket.0, aspect.number()], |row| row.get(0)).optional()?;
    blob.map_or_else(|| Ok(aspect.unset()), |blob| c.read_value(Place::Told(bucket, aspect.number()), &blob))
}

/// Every bucket that was told of it, by id.
pub fn buckets_with(c: &Db<'_>, aspect: Aspect) -> Result<Vec<(Bucket, BucketSetting)>, Error> {
    let mut all = c.prepare_cached(
        "SELECT b.bucket, s.setting FROM bucket_setting s JOIN bucket b ON b.id = s.bucket WHERE s.aspect = ? ORDER BY b.id",
    )?;
    let rows = all.query_map([aspect.number()], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    rows.map(|row| {
        let (bucket, setting) = row?;
        let bucket: Bucket = codec::from_blob(&bucket)?;
        let setting = c.read_value(Place::Told(bucket.id, aspect.number()), &setting)?;
        Ok((bucket, setting))
    })
    .collect()
}

pub fn versioning(c: &Db<'_>, bucket: BucketId) -> Result<Versioning, Error> {
    Ok(match find(c, bucket, Aspect::Versioning)? {
        BucketSetting::Versioning(versioning) => versioning,
        _ => Versioning::Off,
    })
}

/// Keeps the setting unless a newer one is there.
pub fn store(
    c: &Db<'_>,
    number: Number,
    bucket: BucketId,
    label: Option<&Label>,
    setting: &BucketSetting,
) -> Result<(), Error> {
    let aspect = setting.aspect().number();
    let value = c.to_value(label.filter(|_| is_sealed(aspect)), Place::Told(bucket, aspect), setting)?;
    c.prepare_cached(
        "INSERT INTO bucket_setting (bucket, aspect, number, setting) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (bucket, aspect) DO UPDATE SET number = ?3, setting = ?4 WHERE number < ?3",
    )?
    .execute(params![bucket.0, aspect, number.0, value])?;
    Ok(())
}

/// Forgets those of a bucket that is gone.
pub fn forget(c: &Connection, bucket: BucketId) -> Result<(), Error> {
    c.prepare_cached("DELETE FROM bucket_setting WHERE bucket = ?")?.execute([bucket.0])?;
    Ok(())
}
