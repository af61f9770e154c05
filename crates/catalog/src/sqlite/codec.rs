//! Values to columns and back. What `coding` can store as a versioned blob is stored as one.

use coding::FormatError;
use coding::record::{self, Stored};
use model::{Algorithm, Checksum, ChecksumKind, Epoch, PieceName, Record, SegmentKind, Timestamp, Vendor};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::error::Error;

pub fn decode(encoded: &[u8]) -> Result<Record, Error> {
    record::decode(encoded).map_err(|error| unreadable(&error))
}

pub fn to_blob<T: Stored>(value: &T) -> Vec<u8> {
    record::to_bytes(value)
}

pub fn from_blob<T: Stored>(blob: &[u8]) -> Result<T, Error> {
    record::from_bytes(blob).map_err(|error| unreadable(&error))
}

fn unreadable(error: &FormatError) -> Error {
    match error {
        FormatError::Newer { found, known, .. } => {
            let clamp = |version: &u64| u32::try_from(*version).unwrap_or(u32::MAX);
            Error::Newer { found: clamp(found), known: clamp(known) }
        }
        FormatError::Damaged { .. } => Error::Damaged(error.to_string()),
    }
}

/// A piece's name as 25 bytes: letter, epoch (big-endian), random.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NameColumn(pub PieceName);

impl NameColumn {
    pub fn bytes(self) -> Vec<u8> {
        let PieceName { kind, epoch, random } = self.0;
        let letter: &[u8] = match kind {
            SegmentKind::Journal => b"j",
            SegmentKind::Data => b"d",
        };
        [letter, &epoch.0.to_be_bytes(), &random].concat()
    }
}

impl ToSql for NameColumn {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.bytes().into())
    }
}

impl FromSql for NameColumn {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let blob = value.as_blob()?;
        let (letter, rest) = blob.split_first().ok_or(FromSqlError::InvalidType)?;
        let kind = match letter {
            b'j' => SegmentKind::Journal,
            b'd' => SegmentKind::Data,
            _ => return Err(FromSqlError::InvalidType),
        };
        let (epoch, random) = rest.split_first_chunk().ok_or(FromSqlError::InvalidType)?;
        let random = random.try_into().map_err(|_| FromSqlError::InvalidType)?;
        Ok(NameColumn(PieceName { kind, epoch: Epoch(u64::from_be_bytes(*epoch)), random }))
    }
}

/// When something last was, in milliseconds; 0 for never.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MomentColumn(pub Option<Timestamp>);

impl ToSql for MomentColumn {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        // A clock that says less than this is no clock.
        Ok(self.0.map_or(0, |moment| moment.0.max(1)).into())
    }
}

impl FromSql for MomentColumn {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let ms = value.as_i64()?;
        Ok(MomentColumn((ms > 0).then_some(Timestamp(ms))))
    }
}

/// Whether a segment holds records (0) or one body's chunks (1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KindColumn(pub SegmentKind);

impl ToSql for KindColumn {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            SegmentKind::Journal => 0,
            SegmentKind::Data => 1,
        }
        .into())
    }
}

impl FromSql for KindColumn {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(KindColumn(SegmentKind::Journal)),
            1 => Ok(KindColumn(SegmentKind::Data)),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

/// Vendors by name, with commas between.
pub fn vendors_to_text<'a>(vendors: impl IntoIterator<Item = &'a Vendor>) -> String {
    vendors.into_iter().map(|vendor| vendor.name()).collect::<Vec<_>>().join(",")
}

pub fn vendors_from_text<C: FromIterator<Vendor>>(text: &str) -> Result<C, Error> {
    let parse = |name: &str| name.parse().map_err(|error| Error::Damaged(format!("a stream cannot be read: {error}")));
    text.split(',').filter(|name| !name.is_empty()).map(parse).collect()
}

/// Checksums as listings need them, without the rest of the version: for each the algorithm's
/// place in [`Algorithm::ALL`], the number of parts (big-endian, 0 for the whole object) and the
/// value, as long as the algorithm's is.
pub fn checksums_to_blob(checksums: &[Checksum]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(checksums.len() * 16);
    for checksum in checksums {
        let parts = match checksum.kind {
            ChecksumKind::FullObject => 0,
            ChecksumKind::Composite { parts } => parts,
        };
        let place = (0..).zip(Algorithm::ALL).find(|(_, algorithm)| *algorithm == checksum.algorithm);
        blob.push(place.map_or(u8::MAX, |(place, _)| place));
        blob.extend_from_slice(&parts.to_be_bytes());
        blob.extend_from_slice(&checksum.value);
    }
    blob
}

pub fn checksums_from_blob(mut blob: &[u8]) -> Result<Vec<Checksum>, Error> {
    let bad = || Error::Damaged("the checksums of a listed object cannot be read".to_owned());
    let mut checksums = Vec::new();
    while let Some((place, rest)) = blob.split_first() {
        let algorithm = *Algorithm::ALL.get(usize::from(*place)).ok_or_else(bad)?;
        let (parts, rest) = rest.split_first_chunk().ok_or_else(bad)?;
        let (value, rest) = rest.split_at_checked(algorithm.bytes()).ok_or_else(bad)?;
        let kind = match u32::from_be_bytes(*parts) {
            0 => ChecksumKind::FullObject,
            parts => ChecksumKind::Composite { parts },
        };
        checksums.push(Checksum { algorithm, kind, value: value.to_vec() });
        blob = rest;
    }
    Ok(checksums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_survive_their_column() {
        let checksums: Vec<Checksum> = (1..)
            .zip(Algorithm::ALL)
            .map(|(parts, algorithm)| Checksum {
                algorithm,
                kind: if parts % 2 == 0 { ChecksumKind::FullObject } else { ChecksumKind::Composite { parts } },
                value: vec![7; algorithm.bytes()],
            })
            .collect();
        let blob = checksums_to_blob(&checksums);
        assert_eq!(checksums_from_blob(&blob).unwrap(), checksums);
        assert!(checksums_from_blob(&blob[..blob.len() - 1]).is_err(), "a cut column is noticed");
    }

    #[test]
    fn piece_names_survive_their_column() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for kind in [SegmentKind::Journal, SegmentKind::Data] {
            let name = PieceName { kind, epoch: Epoch(u64::MAX), random: [9; 16] };
            let back: NameColumn = connection.query_row("SELECT ?", [NameColumn(name)], |row| row.get(0)).unwrap();
            assert_eq!(back.0, name);
        }
    }
}
