//! Settings of buckets: per aspect the value with the greatest number.

use model::{Aspect, Bucket, BucketId, BucketSetting, Number, Versioning};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec;
use crate::error::Error;

/// What holds of this aspect.
pub fn find(c: &Connection, bucket: BucketId, aspect: Aspect) -> Result<BucketSetting, Error> {
    let mut find = c.prepare_cached("SELECT setting FROM bucket_setting WHERE bucket = ? AND aspect = ?")?;
    let blob: Option<Vec<u8>> = find.query_row(params![bucket.0, aspect.number()], |row| row.get(0)).optional()?;
    blob.map_or_else(|| Ok(aspect.unset()), |blob| codec::from_blob(&blob))
}

/// Every bucket that was told of it, by id.
pub fn buckets_with(c: &Connection, aspect: Aspect) -> Result<Vec<(Bucket, BucketSetting)>, Error> {
    let mut all = c.prepare_cached(
        "SELECT b.bucket, s.setting FROM bucket_setting s JOIN bucket b ON b.id = s.bucket WHERE s.aspect = ? ORDER BY b.id",
    )?;
    let rows = all.query_map([aspect.number()], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    rows.map(|row| {
        let (bucket, setting) = row?;
        Ok((codec::from_blob(&bucket)?, codec::from_blob(&setting)?))
    })
    .collect()
}

pub fn versioning(c: &Connection, bucket: BucketId) -> Result<Versioning, Error> {
    Ok(match find(c, bucket, Aspect::Versioning)? {
        BucketSetting::Versioning(versioning) => versioning,
        _ => Versioning::Off,
    })
}

/// Keeps the setting unless a newer one is there.
pub fn store(c: &Connection, number: Number, bucket: BucketId, setting: &BucketSetting) -> Result<(), Error> {
    c.prepare_cached(
        "INSERT INTO bucket_setting (bucket, aspect, number, setting) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (bucket, aspect) DO UPDATE SET number = ?3, setting = ?4 WHERE number < ?3",
    )?
    .execute(params![bucket.0, setting.aspect().number(), number.0, codec::to_blob(setting)])?;
    Ok(())
}

/// Forgets those of a bucket that is gone.
pub fn forget(c: &Connection, bucket: BucketId) -> Result<(), Error> {
    c.prepare_cached("DELETE FROM bucket_setting WHERE bucket = ?")?.execute([bucket.0])?;
    Ok(())
}
