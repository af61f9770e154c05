//! Settings of buckets: per aspect the value with the greatest number.

use model::{Aspect, BucketId, BucketSetting, Number};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec;
use crate::error::Error;

/// What holds of this aspect.
pub fn find(c: &Connection, bucket: BucketId, aspect: Aspect) -> Result<BucketSetting, Error> {
    let mut find = c.prepare_cached("SELECT setting FROM bucket_setting WHERE bucket = ? AND aspect = ?")?;
    let blob: Option<Vec<u8>> = find.query_row(params![bucket.0, aspect.number()], |row| row.get(0)).optional()?;
    blob.map_or_else(|| Ok(aspect.unset()), |blob| codec::from_blob(&blob))
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
