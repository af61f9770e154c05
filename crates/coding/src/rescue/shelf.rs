//! The pieces in the directories of sites, by segment, and reading from them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use model::{Code, Epoch, SegmentId, SegmentKind, StreamId};
use thiserror::Error;

use crate::error::{FormatError, NotEnough};
use crate::piece::{DIGEST, Fragment, HEADER, Header, Identity, Layout, verify_cell};
use crate::segment::decode;

/// Slices of cells begin and end on these boundaries, where they decode alone.
#[expect(clippy::cast_possible_truncation, reason = "it is 64")]
const BLOCK: u32 = crate::limits::ALIGN as u32;

/// Open files kept at most; far under every system's limit.
const OPEN_FILES_MAX: usize = 128;

/// How much is done to read the right bytes. The reader proves what it got by its seal, and comes
/// back for more when it does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Just the bytes asked for, from the first pieces that have them.
    Quick,
    /// Whole cells, each proven by its digest, from all sites but those in the set.
    Proven { without: Sites },
}

impl Effort {
    /// Whether every site is asked: what fails then is what to report.
    pub fn asks_all(self) -> bool {
        matches!(self, Effort::Quick | Effort::Proven { without: Sites(0) })
    }
}

/// A set of sites by their place on the command line, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sites(u64);

impl Sites {
    fn of(sites: &[usize]) -> Sites {
        Sites(sites.iter().fold(0, |set, site| set | bit(*site)))
    }

    fn contains(self, site: usize) -> bool {
        self.0 & bit(site) != 0
    }
}

/// Sites behind the sixty-fourth are never left out.
fn bit(site: usize) -> u64 {
    u32::try_from(site).ok().and_then(|site| 1_u64.checked_shl(site)).unwrap_or(0)
}

/// Why a range of a segment cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    #[error("no piece of segment {0} was found")]
    NoSegment(SegmentId),
    #[error("segment {segment} ends before the bytes asked for")]
    TooShort { segment: SegmentId },
    #[error("segment {segment} cannot be put together in row {row}: {source}")]
    NotEnough { segment: SegmentId, row: u64, source: NotEnough },
}

/// One file that begins with a piece's header.
struct Place {
    index: u8,
    site: usize,
    path: PathBuf,
}

/// Pieces that fit together.
struct Set {
    /// With the first epoch that any of them names.
    identity: Identity,
    /// Of copies, with the most that any of them knows of.
    layout: Layout,
    places: Vec<Place>,
}

impl Set {
    /// Whether a piece with this header goes with these. A piece that was restored names the epoch
    /// that restored it, and a further copy of a payload in copies a code with one more; neither
    /// changes a cell.
    fn fits(&self, header: &Header) -> bool {
        let identity = Identity { epoch: self.identity.epoch, ..header.identity() };
        let Layout { code, cell, length } = Layout::of(header);
        let m = if code.k == 1 { self.layout.code.m } else { code.m };
        self.identity == identity && self.layout == Layout { code: Code { m, ..code }, cell, length }
    }

    fn add(&mut self, header: &Header, place: Place) {
        self.identity.epoch = self.identity.epoch.min(header.epoch);
        self.layout.code.m = self.layout.code.m.max(header.code.m);
        self.places.push(place);
    }
}

/// Every piece found.
pub struct Shelf {
    sites: usize,
    segments: BTreeMap<SegmentId, Vec<Set>>,
    open: RefCell<BTreeMap<PathBuf, File>>,
}

impl Shelf {
    /// Looks at every file under the directories. Names are not relied on: however the pieces came
    /// here, their headers say what they are.
    pub fn scan(sites: &[PathBuf], notes: &mut Vec<String>) -> Result<Shelf, super::Error> {
        let mut shelf = Shelf { sites: sites.len(), segments: BTreeMap::new(), open: RefCell::default() };
        for (site, folder) in sites.iter().enumerate() {
            let before = shelf.pieces();
            shelf.scan_site(site, folder, notes);
            if shelf.pieces() == before {
                notes.push(format!("`{}` holds no pieces", folder.display()));
            }
        }
        if shelf.segments.is_empty() {
            let named: Vec<String> = sites.iter().map(|site| site.display().to_string()).collect();
            return Err(super::Error::NoPieces(named.join("`, `")));
        }
        // Most pieces first: what a stray header claims comes last.
        for sets in shelf.segments.values_mut() {
            sets.sort_by_key(|set| std::cmp::Reverse(set.places.len()));
        }
        Ok(shelf)
    }

    fn scan_site(&mut self, site: usize, folder: &Path, notes: &mut Vec<String>) {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    notes.push(format!("`{}` cannot be listed: {error}", folder.display()));
                    continue;
                }
            };
            for entry in entries.flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() => self.scan_file(site, entry.path(), notes),
                    // Links lead elsewhere; the elsewhere can be named as a site.
                    _ => {}
                }
            }
        }
    }

    fn scan_file(&mut self, site: usize, path: PathBuf, notes: &mut Vec<String>) {
        let mut head = [0; HEADER];
        let read = File::open(&path).and_then(|mut file| file.read_exact(&mut head));
        match (read, Header::decode(&head)) {
            (Ok(()), Ok(header)) => self.add(&header, site, path),
            (Ok(()), Err(error @ FormatError::Newer { .. })) => notes.push(format!("`{}`: {error}", path.display())),
            // Not a piece, or no longer one: others may stand in for it.
            _ => {}
        }
    }

    fn add(&mut self, header: &Header, site: usize, path: PathBuf) {
        let place = Place { index: header.index, site, path };
        let sets = self.segments.entry(header.segment).or_default();
        match sets.iter_mut().find(|set| set.fits(header)) {
            Some(set) => set.add(header, place),
            None => sets.push(Set { identity: header.identity(), layout: Layout::of(header), places: vec![place] }),
        }
    }

    pub fn pieces(&self) -> usize {
        self.segments.values().flatten().map(|set| set.places.len()).sum()
    }

    pub fn segments(&self) -> impl Iterator<Item = SegmentId> {
        self.segments.keys().copied()
    }

    pub fn segments_of(&self, kind: SegmentKind) -> impl Iterator<Item = SegmentId> {
        let is = move |sets: &Vec<Set>| sets.iter().any(|set| set.identity.kind == kind);
        self.segments.iter().filter(move |(_, sets)| is(sets)).map(|(segment, _)| *segment)
    }

    /// Whether pieces of the segment say that it is of this stream.
    pub fn is_of_stream(&self, segment: SegmentId, stream: StreamId) -> bool {
        self.segments.get(&segment).into_iter().flatten().any(|set| set.identity.stream == stream)
    }

    /// The epoch that wrote the segment: the first its pieces name, for those restored later name
    /// later ones.
    pub fn epoch(&self, segment: SegmentId) -> Epoch {
        let first = self.segments.get(&segment).and_then(|sets| sets.first());
        first.map_or(Epoch(0), |set| set.identity.epoch)
    }

    /// What to try, in order: each costs more than the one before.
    pub fn efforts(&self) -> Vec<Effort> {
        let singles = (0..self.sites).map(|site| Sites::of(&[site]));
        let pairs = (0..self.sites).flat_map(|one| (0..one).map(move |two| Sites::of(&[one, two])));
        let without = std::iter::once(Sites::default()).chain(singles).chain(pairs);
        std::iter::once(Effort::Quick).chain(without.map(|without| Effort::Proven { without })).collect()
    }

    /// Bytes of a segment's payload; a range that ends behind it is cut to it.
    pub fn read(&self, segment: SegmentId, range: Range<u64>, effort: Effort) -> Result<Vec<u8>, ReadError> {
        let mut error = ReadError::NoSegment(segment);
        for (nth, set) in self.segments.get(&segment).into_iter().flatten().enumerate() {
            match self.read_set(segment, set, range.clone(), effort) {
                Ok(bytes) => return Ok(bytes),
                Err(other) if nth == 0 => error = other,
                Err(_) => {}
            }
        }
        Err(error)
    }

    fn read_set(&self, segment: SegmentId, set: &Set, range: Range<u64>, effort: Effort) -> Result<Vec<u8>, ReadError> {
        if range.start > set.layout.length {
            return Err(ReadError::TooShort { segment });
        }
        let mut bytes = Vec::new();
        for fragment in set.layout.locate(range) {
            let row = fragment.row;
            let part = self.read_fragment(set, fragment, effort);
            bytes.extend(part.map_err(|source| ReadError::NotEnough { segment, row, source })?);
        }
        Ok(bytes)
    }

    fn read_fragment(&self, set: &Set, fragment: Fragment, effort: Effort) -> Result<Vec<u8>, NotEnough> {
        let Fragment { index, row, within } = fragment;
        let slice = match effort {
            Effort::Quick => within.start - within.start % BLOCK..within.end.next_multiple_of(BLOCK),
            Effort::Proven { .. } => 0..set.layout.cell,
        };
        let mut have: Vec<(u8, Vec<u8>)> = self.read_cell(set, index, row, &slice, effort).into_iter().collect();
        if have.is_empty() {
            let others = (0..set.layout.code.n()).filter(|other| *other != index);
            let cells = others.filter_map(|other| self.read_cell(set, other, row, &slice, effort));
            have.extend(cells.take(set.layout.code.k.into()));
        }
        let have: Vec<(u8, &[u8])> = have.iter().map(|(index, cell)| (*index, cell.as_slice())).collect();
        let cell = decode(set.layout.code, &have, &[index])?.into_iter().next().unwrap_or_default();
        let from = (within.start - slice.start) as usize;
        Ok(cell.into_iter().skip(from).take(within.len()).collect())
    }

    /// A slice of one cell from the first place that has it.
    fn read_cell(&self, set: &Set, index: u8, row: u64, slice: &Range<u32>, effort: Effort) -> Option<(u8, Vec<u8>)> {
        let places = set.places.iter().filter(|place| place.index == index);
        for place in places {
            let cell = match effort {
                Effort::Quick => self.read_file(&place.path, set.layout.slice(row, slice.clone())).ok(),
                Effort::Proven { without } if without.contains(place.site) => None,
                Effort::Proven { .. } => self.read_proven(set, place, row),
            };
            if let Some(cell) = cell {
                return Some((index, cell));
            }
        }
        None
    }

    fn read_proven(&self, set: &Set, place: &Place, row: u64) -> Option<Vec<u8>> {
        let mut cell = self.read_file(&place.path, set.layout.cells(row..row + 1)).ok()?;
        let digest = cell.split_off(cell.len().checked_sub(DIGEST)?);
        verify_cell(set.identity.segment, place.index, row, &cell, &digest).then_some(cell)
    }

    fn read_file(&self, path: &Path, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut open = self.open.borrow_mut();
        if !open.contains_key(path) {
            if open.len() >= OPEN_FILES_MAX {
                open.clear();
            }
            open.insert(path.to_owned(), File::open(path)?);
        }
        let file = open.get_mut(path).ok_or(io::ErrorKind::NotFound)?;
        file.seek(SeekFrom::Start(range.start))?;
        let wanted = range.end.saturating_sub(range.start);
        let mut bytes = Vec::new();
        // Never more than the file has, whatever a header claims.
        file.take(wanted).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == wanted { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}
