//! Live objects written out as files, chunk by chunk, each chunk proven by its seal.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use model::{BodySlice, BucketId, Extent, ObjectKey, Version};
use thiserror::Error;

use super::names::{folder_of, path_of};
use super::replay::State;
use super::shelf::{Effort, ReadError, Shelf};
use super::{Keys, Loss, Report};
use crate::chunk::{self, BodyKey, Last, Sealer};
use crate::error::{Tampered, WrongKey};
use crate::keys::WrapContext;

/// Objects between two words of progress.
const PROGRESS_EVERY: u64 = 1_000;

/// Why one object is not given back.
#[derive(Debug, Error)]
enum Trouble {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Tampered(#[from] Tampered),
    #[error("the key of its label was not found")]
    NoLabelKey,
    #[error(transparent)]
    WrongKey(#[from] WrongKey),
    #[error("the journal does not say where its bytes lie")]
    NoPlace,
    #[error("its bytes do not add up to its size of {0}")]
    WrongSize(u64),
    #[error("it cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// What reading an object takes.
struct Source<'a> {
    shelf: &'a Shelf,
    keys: &'a Keys,
    state: &'a State,
    efforts: Vec<Effort>,
}

/// Writes every object of the state under `out`. Objects that fail become losses; only a folder that
/// cannot be made ends it.
pub fn write_all(
    shelf: &Shelf,
    keys: &Keys,
    state: &State,
    out: &Path,
    report: &mut Report,
    progress: &mut dyn FnMut(&str),
) -> Result<(), super::Error> {
    let source = Source { shelf, keys, state, efforts: shelf.efforts() };
    let nameless = state.objects.keys().chain(state.older.keys()).filter(|id| !state.buckets.contains_key(id));
    let all: BTreeSet<&BucketId> = state.buckets.keys().chain(nameless).collect();
    for bucket in all {
        let folder = out.join(folder_of(*bucket, &state.buckets));
        fs::create_dir_all(&folder)
            .map_err(|source| super::Error::Unusable { path: folder.display().to_string(), source })?;
        report.buckets += 1;
        for (path, key, version) in files(state, *bucket, &folder) {
            match source.write_object(*bucket, version, &path) {
                Ok(()) => {
                    report.objects += 1;
                    report.bytes += version.size;
                }
                Err(trouble) => report.losses.push(Loss { what: describe(&folder, key), why: trouble.to_string() }),
            }
            if (report.objects + report.losses.len() as u64).is_multiple_of(PROGRESS_EVERY) {
                progress(&format!("{} objects, {} bytes written", report.objects, report.bytes));
            }
        }
    }
    Ok(())
}

/// Every version of a bucket and the file it becomes. Older ones lie beside the bucket's folder, each
/// under its key by its id, so that the folder itself holds what the bucket held.
fn files<'a>(state: &'a State, bucket: BucketId, folder: &Path) -> Vec<(PathBuf, &'a ObjectKey, &'a Version)> {
    let mut files = Vec::new();
    if let Some(objects) = state.objects.get(&bucket) {
        files.extend(objects.iter().map(|(key, version)| (folder.join(path_of(key, objects)), key, version)));
    }
    if let Some(older) = state.older.get(&bucket) {
        let mut beside = folder.as_os_str().to_owned();
        beside.push("%versions");
        let beside = PathBuf::from(beside);
        for (key, versions) in older {
            let below = beside.join(path_of(key, older));
            files.extend(versions.iter().map(|version| (below.join(format!("%v{}", version.id)), key, version)));
        }
    }
    files
}

/// The object as people read it; a key may hold anything.
fn describe(folder: &Path, key: &ObjectKey) -> String {
    let bucket = folder.file_name().unwrap_or_default().to_string_lossy();
    format!("object `{bucket}/{}`", key.as_str().escape_debug())
}

impl Source<'_> {
    /// Writes one object; what is left of a failed one is removed.
    fn write_object(&self, bucket: BucketId, version: &Version, path: &Path) -> Result<(), Trouble> {
        let keys = self.body_keys(bucket, version)?;
        let total = version.bodies.iter().try_fold(0_u64, |total, slice| total.checked_add(slice.length));
        if total != Some(version.size) {
            return Err(Trouble::WrongSize(version.size));
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let written = self.write_bodies(version, &keys, file);
        if written.is_err() {
            // It is reported either way, and a file that cannot be removed is plainly too short.
            let _ = fs::remove_file(path);
        }
        written
    }

    fn write_bodies(&self, version: &Version, keys: &[BodyKey], file: File) -> Result<(), Trouble> {
        let mut file = BufWriter::new(file);
        for (slice, key) in version.bodies.iter().zip(keys) {
            self.write_slice(slice, key, &mut file)?;
        }
        Ok(file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?)
    }

    fn body_keys(&self, bucket: BucketId, version: &Version) -> Result<Vec<BodyKey>, Trouble> {
        let (secret, label) = self.keys.get(&version.wrap.under).ok_or(Trouble::NoLabelKey)?;
        // A bucket whose own record is lost has the label of the key that its objects are under.
        let label = self.state.buckets.get(&bucket).map(|bucket| bucket.label).or(*label);
        let label = label.ok_or(Trouble::NoLabelKey)?;
        let Version { id, key, bodies, wrap, .. } = version;
        let context = WrapContext::Version { label: &label, bucket, key, version: *id, bodies };
        Ok(secret.unwrap_bodies(&context, wrap)?)
    }

    fn write_slice(&self, slice: &BodySlice, key: &BodyKey, file: &mut impl Write) -> Result<(), Trouble> {
        if slice.length == 0 {
            return Ok(());
        }
        let rides = self.state.rides.get(&slice.body).into_iter().flatten();
        let placed = (!slice.extents.is_empty()).then_some(slice.extents.as_slice());
        let places: Vec<&[Extent]> = placed.into_iter().chain(rides.map(std::slice::from_ref)).collect();
        let sealer = Sealer::new(key, slice.body);
        let wanted = slice.offset..slice.offset.saturating_add(slice.length);
        for number in chunk::covering(&wanted) {
            let plain = self.read_chunk(slice, &places, &sealer, number)?;
            let start = number * chunk::PLAIN as u64;
            let from = wanted.start.saturating_sub(start);
            let to = (wanted.end - start).min(plain.len() as u64);
            file.write_all(plain.get(range(from..to)).ok_or(Tampered)?)?;
        }
        Ok(())
    }

    /// One chunk's plaintext, from the first place and with the least effort that prove right.
    fn read_chunk(
        &self,
        slice: &BodySlice,
        places: &[&[Extent]],
        sealer: &Sealer,
        number: u64,
    ) -> Result<Vec<u8>, Trouble> {
        let mut trouble = Trouble::NoPlace;
        let sealed = chunk::place(number, slice.body_length);
        for effort in &self.efforts {
            for place in places {
                let read = self.read_sealed(place, sealed.clone(), *effort);
                let mut bytes = match read {
                    Ok(bytes) => bytes,
                    Err(error) => {
                        if effort.asks_all() {
                            trouble = error;
                        }
                        continue;
                    }
                };
                match sealer.open(number, Last::of(number, slice.body_length), &mut bytes) {
                    Ok(plain) => return Ok(plain.to_vec()),
                    Err(tampered) => trouble = tampered.into(),
                }
            }
        }
        Err(trouble)
    }

    /// Sealed bytes `wanted` of a body that lies in these extents, one behind the other.
    fn read_sealed(&self, extents: &[Extent], wanted: Range<u64>, effort: Effort) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        let mut begin = 0_u64;
        for extent in extents {
            let end = begin.saturating_add(extent.length);
            let part = wanted.start.max(begin)..wanted.end.min(end);
            if part.start < part.end {
                let from = extent.offset.saturating_add(part.start - begin);
                let to = extent.offset.saturating_add(part.end - begin);
                bytes.extend(self.shelf.read(extent.segment, from..to, effort)?);
            }
            begin = end;
        }
        if bytes.len() as u64 == wanted.end - wanted.start { Ok(bytes) } else { Err(Trouble::NoPlace) }
    }
}

/// Places within one chunk.
#[expect(clippy::cast_possible_truncation, reason = "a chunk has less than 64 KiB")]
fn range(range: Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}
