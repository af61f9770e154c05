//! What adopting asks of a bucket: how its keys stand towards the origin, and the marks of what was
//! deleted here while the origin still has it.

use model::{Adoption, Aspect, BucketId, BucketSetting, Number, ObjectKey, Version, Which};
use rusqlite::{Connection, params};

use super::sealed::Db;
use super::settings;
use super::versions::{self, Kept};
use crate::error::Error;
use crate::interface::Stand;

/// The bucket's adoption, open or closed.
pub fn of(c: &Db<'_>, bucket: BucketId) -> Result<Option<Adoption>, Error> {
    match settings::find(c, bucket, Aspect::Adoption)? {
        BucketSetting::Adoption(adoption) => Ok(adoption),
        _ => Ok(None),
    }
}

/// How each of these keys stands, in their order.
pub fn stands(c: &Db<'_>, bucket: BucketId, keys: &[ObjectKey]) -> Result<Vec<Stand>, Error> {
    keys.iter().map(|key| stand(c, bucket, key)).collect()
}

pub fn stand(c: &Db<'_>, bucket: BucketId, key: &ObjectKey) -> Result<Stand, Error> {
    Ok(match versions::find(c, bucket, key, Which::Current)? {
        Some(Kept::Version(_, Version { brought: None, .. })) => Stand::Written,
        Some(Kept::Version(_, Version { size, etag, .. })) => Stand::Brought { size, etag },
        Some(Kept::Marker(..)) => Stand::Deleted,
        None if is_hidden(c, bucket, key)? => Stand::Deleted,
        None => Stand::Untouched,
    })
}

/// Whether what the origin holds under the key was deleted here.
pub fn is_hidden(c: &Connection, bucket: BucketId, key: &ObjectKey) -> Result<bool, Error> {
    let mut find = c.prepare_cached("SELECT EXISTS (SELECT 1 FROM hidden WHERE bucket = ? AND key = ?)")?;
    Ok(find.query_row(params![bucket.0, key.as_str().as_bytes()], |row| row.get(0))?)
}

/// Marks the key, unless its adoption was closed by a later record that was shown before this one.
pub fn hide(c: &Db<'_>, number: Number, bucket: BucketId, key: &ObjectKey) -> Result<(), Error> {
    if of(c, bucket)?.is_some_and(|adoption| !adoption.is_open()) {
        return Ok(());
    }
    c.prepare_cached(
        "INSERT INTO hidden (bucket, key, number) VALUES (?, ?, ?)
         ON CONFLICT (bucket, key) DO UPDATE SET number = max(number, excluded.number)",
    )?
    .execute(params![bucket.0, key.as_str().as_bytes(), number.0])?;
    Ok(())
}

/// Forgets the marks of a bucket that is gone or adopts no longer: a bucket adopts once.
pub fn unhide_all(c: &Connection, bucket: BucketId) -> Result<(), Error> {
    c.prepare_cached("DELETE FROM hidden WHERE bucket = ?")?.execute([bucket.0])?;
    Ok(())
}
