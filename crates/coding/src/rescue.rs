//! From directories of pieces and the root key to files, with none of the rest of the system.
//!
//! ```text
//! directories ─► shelf     every piece by its header, whatever its name
//!                  │
//!                  ▼
//!               journal    control stream (root key) ─► label keys ─► all streams
//!                  │
//!                  ▼
//!               replay     outcomes in number order: buckets and objects as they were
//!                  │
//!                  ▼
//!               objects    chunk by chunk, any k pieces, every byte proven ─► files
//! ```
//!
//! It trusts no piece: what does not pass its seal is read again with proven cells, then without each
//! site in turn and each pair, so that one lying site does no harm where k others are left. It never
//! stops at a loss; it lists it.

mod names;
mod objects;
mod replay;
mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use model::{Change, Epoch, KeyTag, Label, LabelKey, Record, SegmentId, SegmentKind};
use thiserror::Error;

use crate::journal::{self, OpenError, Opened};
use crate::keys::{LabelSecret, RootKey};
use crate::record;
use replay::{Copy, History};
use shelf::{Effort, Shelf};

/// Why nothing could be rescued at all.
#[derive(Debug, Error)]
pub enum Error {
    #[error("`{0}` holds no pieces: name the directories of sites")]
    NoPieces(String),
    #[error("`{0}` is not empty: name a new directory, so that nothing in it is touched")]
    NotEmpty(String),
    #[error("the root key opens none of the {0} journal segments found: it is another enclave's, or an old one")]
    WrongRoot(usize),
    #[error("`{path}` cannot be used")]
    Unusable { path: String, source: io::Error },
}

/// Something that could not be given back, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub what: String,
    pub why: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

/// What was given back and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub buckets: u64,
    pub objects: u64,
    pub bytes: u64,
    /// What is lost, or may be.
    pub losses: Vec<Loss>,
    /// What looks odd and is explained.
    pub notes: Vec<String>,
}

/// The keys found so far: each label's, and the control stream's (which has no label).
type Keys = BTreeMap<KeyTag, (LabelSecret, Option<Label>)>;

/// Writes every live object of the enclave under `out`, as `<bucket>/<key>`.
///
/// `sites` are directories with one site's pieces each; `out` is new or empty. `progress` is told
/// now and then what goes on.
pub fn run(root: &RootKey, sites: &[PathBuf], out: &Path, progress: &mut dyn FnMut(&str)) -> Result<Report, Error> {
    claim(out)?;
    let mut report = Report::default();
    let shelf = Shelf::scan(sites, &mut report.notes)?;
    progress(&format!("{} pieces of {} segments found", shelf.pieces(), shelf.segments().count()));
    let mut reader = Reader {
        root,
        shelf: &shelf,
        keys: Keys::new(),
        older: Vec::new(),
        shredded: BTreeSet::new(),
        history: History::default(),
        newest: Epoch(0),
    };
    let mut unread = reader.read_journal(&mut report)?;
    let shredded = reader.judge_keys(&mut report);
    unread.retain(|segment| !shredded.iter().any(|tag| segment.key == Some(*tag)));
    progress(&format!("{} changes read from the journal", reader.history.len()));
    let state = reader.history.replay(&mut report.losses);
    judge_unread(unread, reader.newest, state.missing.is_empty(), &mut report);
    for missing in &state.missing {
        let (first, last) = (missing.start(), missing.end());
        let why = "they were the last of a stream, never acknowledged, or of a label that was shredded";
        report.notes.push(format!("changes {first} to {last} are in no segment: {why}"));
    }
    objects::write_all(&shelf, &reader.keys, &state, out, &mut report, progress)?;
    Ok(report)
}

/// Makes sure that `out` is an empty directory.
fn claim(out: &Path) -> Result<(), Error> {
    let unusable = |source| Error::Unusable { path: out.display().to_string(), source };
    std::fs::create_dir_all(out).map_err(unusable)?;
    match std::fs::read_dir(out).map_err(unusable)?.next() {
        None => Ok(()),
        Some(_) => Err(Error::NotEmpty(out.display().to_string())),
    }
}

/// A journal segment that gave nothing back.
struct Unread {
    segment: SegmentId,
    epoch: Epoch,
    /// The key that was not found.
    key: Option<KeyTag>,
    why: String,
}

/// A segment may fail for want of a key that another segment holds.
enum Attempt {
    Done,
    NeedsKey(KeyTag),
    Failed(String),
}

struct Reader<'a> {
    root: &'a RootKey,
    shelf: &'a Shelf,
    keys: Keys,
    /// Keys of labels that an older root wrapped.
    older: Vec<LabelKey>,
    /// Labels that were shredded.
    shredded: BTreeSet<[u8; Label::BYTES]>,
    history: History,
    /// The newest epoch of a journal segment that was read.
    newest: Epoch,
}

impl Reader<'_> {
    /// Opens journal segments until no more open: each may bring the keys of others.
    fn read_journal(&mut self, report: &mut Report) -> Result<Vec<Unread>, Error> {
        let mut waiting: Vec<SegmentId> = self.shelf.segments_of(SegmentKind::Journal).collect();
        let count = waiting.len();
        // Those of the control stream first: they bring the keys.
        waiting.sort_by_cached_key(|segment| !self.brings_keys(*segment));
        let mut unread = Vec::new();
        loop {
            let mut still = Vec::new();
            let before = waiting.len();
            for segment in waiting {
                match self.read_segment(segment, report) {
                    Attempt::Done => {}
                    Attempt::NeedsKey(tag) => still.push((segment, tag)),
                    Attempt::Failed(why) => unread.push(self.unread(segment, None, why)),
                }
            }
            if still.is_empty() || still.len() == before {
                let no_key = |tag| format!("its key {tag} was not found");
                unread.extend(still.into_iter().map(|(segment, tag)| self.unread(segment, Some(tag), no_key(tag))));
                break;
            }
            waiting = still.into_iter().map(|(segment, _)| segment).collect();
        }
        if self.history.is_empty() && count > 0 { Err(Error::WrongRoot(count)) } else { Ok(unread) }
    }

    fn unread(&self, segment: SegmentId, key: Option<KeyTag>, why: String) -> Unread {
        Unread { segment, epoch: self.shelf.epoch(segment), key, why }
    }

    fn brings_keys(&self, segment: SegmentId) -> bool {
        /// More than a prelude with a wrapped key needs.
        const PRELUDE: u64 = 4_096;
        let head = self.shelf.read(segment, 0..PRELUDE, Effort::Quick);
        head.is_ok_and(|head| matches!(journal::control_key(&head), Ok(Some(_))))
    }

    fn read_segment(&mut self, segment: SegmentId, report: &mut Report) -> Attempt {
        let mut attempt = Attempt::Failed("no attempt was made".to_owned());
        for effort in self.shelf.efforts() {
            let opened = match self.shelf.read(segment, 0..u64::MAX, effort) {
                Ok(payload) => self.open(segment, &payload),
                Err(error) => Err(Attempt::Failed(error.to_string())),
            };
            match opened {
                Ok(opened) => {
                    self.take(segment, opened, report);
                    return Attempt::Done;
                }
                Err(Attempt::NeedsKey(tag)) => attempt = Attempt::NeedsKey(tag),
                Err(other) if effort.asks_all() => attempt = other,
                Err(_) => {}
            }
        }
        attempt
    }

    fn open(&mut self, segment: SegmentId, payload: &[u8]) -> Result<Opened, Attempt> {
        let failed = |error: &dyn fmt::Display| Attempt::Failed(error.to_string());
        if let Some(control) = journal::control_key(payload).map_err(|error| failed(&error))?
            && let Ok(secret) = self.root.unwrap_label(&control)
        {
            self.keys.insert(control.tag, (secret, control.label));
        }
        let opened = journal::open(payload, |tag| self.keys.get(&tag).map(|(secret, _)| secret));
        match opened {
            // Not the segment: a batch that was placed anew keeps the id it was sealed under.
            Ok(opened) if self.shelf.is_of_stream(segment, opened.stream) => Ok(opened),
            Ok(opened) => Err(failed(&format!("it holds a batch of stream {}", opened.stream))),
            Err(OpenError::NoKey(tag)) => Err(Attempt::NeedsKey(tag)),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Takes the records of an opened segment into the history, and the keys among them.
    fn take(&mut self, segment: SegmentId, opened: Opened, report: &mut Report) {
        let epoch = self.shelf.epoch(segment);
        self.newest = self.newest.max(epoch);
        for (encoded, ride) in opened.items {
            match record::decode(&encoded) {
                Ok(record) => {
                    self.take_keys(&record);
                    self.history.add(Copy::new(segment, epoch, record::hash(&encoded), record, ride));
                }
                Err(error) => {
                    report.losses.push(Loss { what: format!("a change in segment {segment}"), why: error.to_string() });
                }
            }
        }
    }

    fn take_keys(&mut self, record: &Record) {
        let keys = match &record.change {
            Change::LabelKeyCreated(key) => std::slice::from_ref(key),
            Change::LabelShredded { label, keys, .. } => {
                self.shredded.insert(*label.canonical());
                keys
            }
            _ => return,
        };
        for key in keys {
            match self.root.unwrap_label(key) {
                Ok(secret) => {
                    self.keys.insert(key.tag, (secret, key.label));
                }
                // An older root wrapped it: there may be another copy, or its label was shredded.
                Err(_) => self.older.push(key.clone()),
            }
        }
    }

    /// Tells which keys are lost, and returns those of shredded labels, which are meant to be.
    fn judge_keys(&mut self, report: &mut Report) -> Vec<KeyTag> {
        let mut gone = Vec::new();
        for key in std::mem::take(&mut self.older) {
            let shredded = key.label.is_some_and(|label| self.shredded.contains(label.canonical()));
            match self.keys.contains_key(&key.tag) {
                true => {}
                false if shredded => gone.push(key.tag),
                false => {
                    let why = crate::error::WrongKey.to_string();
                    report.losses.push(Loss { what: format!("the key {}", key.tag), why });
                }
            }
        }
        if !self.shredded.is_empty() {
            report.notes.push(format!("{} labels were shredded: nothing of them opens", self.shredded.len()));
        }
        gone
    }
}

/// Tells which unread journal segments may have held something. A batch that a stop cut short is
/// shipped again under a new name before anything else is decided: if all numbers are there and the
/// journal went on in a later epoch, whatever the segment held is known.
fn judge_unread(unread: Vec<Unread>, newest: Epoch, complete: bool, report: &mut Report) {
    for Unread { segment, epoch, why, .. } in unread {
        if complete && epoch < newest {
            report.notes.push(format!("journal segment {segment} was never finished, and shipped again: {why}"));
        } else {
            let why = format!("{why}; what it held is lost, unless it was never acknowledged");
            report.losses.push(Loss { what: format!("journal segment {segment}"), why });
        }
    }
}
