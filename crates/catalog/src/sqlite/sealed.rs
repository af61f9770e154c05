//! What must not lie open in the files: values that hold metadata, tags and other words of people, sealed
//! under the key of their label. The columns beside them, which queries need, are an index in the clear.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use coding::keys::sealed_under;
use coding::record::Stored;
use model::{BucketId, Label, Number, Outside, ReleaseId, Timestamp, UploadId, VersionId};
use rusqlite::Connection;

use super::codec;
use crate::error::Error;
use crate::interface::Keys;

/// The keys the catalog was handed last, and what this process did with it.
pub struct Handed {
    keys: Mutex<Option<Arc<dyn Keys>>>,
    decided: AtomicBool,
    outside: Outside,
}

impl Handed {
    pub fn new(outside: Outside) -> Handed {
        Handed { keys: Mutex::default(), decided: AtomicBool::default(), outside }
    }

    pub fn set(&self, keys: Arc<dyn Keys>) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }

    fn keys(&self) -> Option<Arc<dyn Keys>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A connection with the keys to what lies sealed in it.
pub struct Db<'c> {
    c: &'c Connection,
    keys: Option<Arc<dyn Keys>>,
    handed: &'c Handed,
}

impl Deref for Db<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.c
    }
}

/// Where a sealed value lies: it opens nowhere else.
#[derive(Clone, Copy)]
pub enum Place {
    Version(VersionId),
    /// What was said of a version since it was put, by its kind.
    Said(VersionId, u8),
    Upload(UploadId),
    /// What a bucket was told, by its aspect.
    Told(BucketId, u8),
    Release(ReleaseId),
    Decided(Number),
}

impl Place {
    /// `docs/formats/keys.md` has the table.
    fn bytes(self) -> Vec<u8> {
        match self {
            Place::Version(id) => [&[0], &id.0[..]].concat(),
            Place::Said(id, kind) => [&[1], &id.0[..], &[kind]].concat(),
            Place::Upload(id) => [&[2], &id.0[..]].concat(),
            Place::Told(id, aspect) => [&[3], &id.0[..], &[aspect]].concat(),
            Place::Release(id) => [&[4], &id.0[..]].concat(),
            Place::Decided(number) => [&[5], &number.0.to_be_bytes()[..]].concat(),
        }
    }
}

impl<'c> Db<'c> {
    pub fn new(c: &'c Connection, handed: &'c Handed) -> Db<'c> {
        Db { c, keys: handed.keys(), handed }
    }

    pub fn now(&self) -> Timestamp {
        self.handed.outside.clock.now()
    }

    /// Whether this process has decided anything: until then it replays.
    pub fn has_decided(&self) -> bool {
        self.handed.decided.load(Ordering::Relaxed)
    }

    pub fn note_decided(&self) {
        self.handed.decided.store(true, Ordering::Relaxed);
    }

    /// The value as it may lie in a file. What the control stream brings has no label and lies open: there
    /// is no metadata in it, and it brings the keys of all others.
    pub fn seal(&self, label: Option<&Label>, place: Place, value: &[u8]) -> Result<Vec<u8>, Error> {
        let Some(label) = label else { return Ok(value.to_vec()) };
        let secret = self.keys.as_ref().and_then(|keys| keys.newest(label)).ok_or(Error::NoKey)?;
        Ok(secret.seal_value(&place.bytes(), value, &self.handed.outside))
    }

    /// The value as it was sealed, or as an older program left it.
    pub fn open<'v>(&self, place: Place, value: &'v [u8]) -> Result<Cow<'v, [u8]>, Error> {
        let Some(tag) = sealed_under(value) else { return Ok(Cow::Borrowed(value)) };
        let secret = self.keys.as_ref().and_then(|keys| keys.by_tag(tag)).ok_or(Error::NoKey)?;
        let opened = secret.open_value(&place.bytes(), value);
        opened.map(Cow::Owned).map_err(|_| Error::Damaged("a sealed value does not open".to_owned()))
    }

    pub fn to_value<T: Stored>(&self, label: Option<&Label>, place: Place, value: &T) -> Result<Vec<u8>, Error> {
        self.seal(label, place, &codec::to_blob(value))
    }

    pub fn read_value<T: Stored>(&self, place: Place, value: &[u8]) -> Result<T, Error> {
        codec::from_blob(&self.open(place, value)?)
    }
}
