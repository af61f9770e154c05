//! Multipart uploads: parts put once or again, copied from objects or runs of them; completed, aborted, or left
//! open, and listed.

use std::collections::BTreeSet;

use bytes::Bytes;
use engine::{Complete, CompletedPart, CopyPart, Error, ListEntry, ListQuery, StartUpload};
use model::condition::ETags;
use model::{ObjectKey, ReadConditions, Upload, Which};
use policy::{AbortUpload, GetObject, ListParts, ListUploads, PutObject};

use super::{Actor, Outcome, body, declared};
use crate::Breadth;
use crate::history::ValueId;
use crate::known::{Target, content};
use crate::uploads::Uploads;

/// Every part but the last has at least this many bytes.
const PART: usize = 5 << 20;

impl Actor {
    /// A multipart upload, mostly of one part, now and then left open.
    pub(super) async fn upload(&mut self, target: &Target) {
        let engine = self.engine.clone();
        let Some(permit) = self.permit::<PutObject>(target) else { return };
        self.with_uploads(target.place, |uploads| uploads.begin(&target.key));
        let Outcome::Well(upload) = self.call(engine.start_upload(permit, StartUpload::default())).await else {
            return;
        };
        self.with_uploads(target.place, |uploads| uploads.started((target.key.clone(), upload.id)));
        let wide = self.breadth >= Breadth::Wide;
        if wide && self.random.chance(150) && self.copy_in(target, &upload).await {
            return;
        }
        let last = self.size();
        let sizes = if self.random.chance(15) { vec![PART, last] } else { vec![last] };
        let size = sizes.iter().sum();
        let value = self.known.state().new_value(size, &sizes);
        let mut rest = content(value, size);
        let mut parts = Vec::new();
        for (number, size) in (1..).zip(&sizes) {
            let part = rest.split_to(*size);
            if wide && self.random.chance(150) {
                // What is put under a number again takes the place of what was.
                let other = Bytes::from(part.iter().rev().copied().collect::<Vec<u8>>());
                let _ = self.put_part(target, &upload, number, &other).await;
            }
            let Some(part) = self.put_part(target, &upload, number, &part).await else { return };
            parts.push(part);
        }
        if wide && self.random.chance(200) {
            self.list_parts(target, &upload, &parts).await;
        }
        if wide && self.random.chance(100) {
            return self.abort(target, &upload, parts).await;
        }
        self.complete(target, &upload, parts, value).await;
    }

    async fn put_part(&mut self, target: &Target, upload: &Upload, number: u16, part: &Bytes) -> Option<CompletedPart> {
        let permit = self.permit::<PutObject>(target)?;
        let engine = self.engine.clone();
        let put = engine.put_part(permit, upload.id, number, declared(part.len()), body(part));
        let Outcome::Well(written) = self.call(put).await else { return None };
        Some(CompletedPart { number, etag: written.etag, checksum: None })
    }

    async fn complete(&mut self, target: &Target, upload: &Upload, parts: Vec<CompletedPart>, value: ValueId) {
        let condition = self.draw_condition(target);
        let Some(permit) = self.permit::<PutObject>(target) else { return };
        let complete = Complete { parts, condition: self.precondition(&condition), ..Complete::default() };
        let (op, entry) = self.begin_write(target, value, &condition);
        self.ask_end(target, upload);
        let engine = self.engine.clone();
        let outcome = self.call(engine.complete_upload(permit, upload.id, complete)).await;
        self.answer_end(target, upload, &outcome);
        if let Outcome::Well(written) = &outcome {
            self.keep_version(target, written.version.map(Which::Own), entry, Some(value));
        }
        self.changed(target, op, "upload", &outcome);
    }

    fn with_uploads<T>(&self, place: usize, then: impl FnOnce(&mut Uploads) -> T) -> T {
        then(self.known.state().uploads.entry(place).or_default())
    }

    fn ask_end(&self, target: &Target, upload: &Upload) {
        self.with_uploads(target.place, |uploads| uploads.ask_end(&(target.key.clone(), upload.id)));
    }

    fn answer_end<T>(&self, target: &Target, upload: &Upload, outcome: &Outcome<T>) {
        let named = (target.key.clone(), upload.id);
        match outcome {
            Outcome::Well(_) => self.with_uploads(target.place, |uploads| uploads.answer_end(&named, true)),
            Outcome::No => self.with_uploads(target.place, |uploads| uploads.answer_end(&named, false)),
            Outcome::Unknown => {}
        }
    }

    /// Makes an object that the person may read the only part, or a run of it; true if the upload came to its end.
    async fn copy_in(&mut self, target: &Target, upload: &Upload) -> bool {
        let Some(source) = self.source() else { return false };
        let (Some(find), Some(from)) = (self.permit::<GetObject>(&source), self.permit::<GetObject>(&source)) else {
            return false;
        };
        let engine = self.engine.clone();
        let Outcome::Well(found) = self.call(engine.find(find)).await else { return false };
        let Some(from_value) = self.known.state().by_etag(&found.version.etag) else { return false };
        let Some(to) = self.permit::<PutObject>(target) else { return false };
        let size = found.version.size;
        let run = match self.breadth >= Breadth::All && self.random.chance(600) && size > 0 {
            true => Some(self.random.below(size)).map(|start| start..self.random.between(start + 1, size + 1)),
            false => None,
        };
        let source = ReadConditions {
            if_match: Some(ETags::OneOf(vec![found.version.etag.clone()])),
            ..ReadConditions::default()
        };
        let source_acl = found.version.metadata.acl.clone();
        let copy = CopyPart { number: 1, source, range: run.clone(), source_acl };
        let copied = self.call(engine.copy_part(from, Which::Current, to, upload.id, copy)).await;
        let Outcome::Well(copied) = copied else { return false };
        let part = CompletedPart { number: 1, etag: copied.written.etag.clone(), checksum: None };
        // The same bytes, under the ETag of an upload.
        let run = run.unwrap_or(0..size);
        let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
        let value = self.known.state().as_only_part(from_value, place(run.start)..place(run.end), &part.etag);
        match value {
            Ok(value) => self.complete(target, upload, vec![part], value).await,
            Err(why) => self.known.findings.add(why),
        }
        true
    }

    /// What was put last under each number is listed, where all is done by pages too.
    async fn list_parts(&mut self, target: &Target, upload: &Upload, put: &[CompletedPart]) {
        let Some(permit) = self.permit::<ListParts>(target) else { return };
        let engine = self.engine.clone();
        let pages = self.breadth >= Breadth::All;
        let (after, limit) = if pages { (self.random.place(2), 1 + self.random.place(2)) } else { (0, 1000) };
        let number = u16::try_from(after).unwrap_or(0);
        let outcome = self.call(engine.list_parts(permit, upload.id, number, limit)).await;
        if let Outcome::Well((_, listed)) = &outcome {
            let listed: Vec<_> = listed.iter().map(|part| (part.number, &part.etag)).collect();
            let put: Vec<_> = put.iter().map(|part| (part.number, &part.etag)).skip(after).take(limit).collect();
            if listed != put {
                let of = target.key.as_str();
                self.known.findings.add(format!("an upload of {of} lists {listed:?}; put were {put:?}"));
            }
        }
        self.count("list parts", &outcome);
    }

    /// Pages of the uploads of a bucket, or of one key of it.
    pub(super) async fn list_uploads(&mut self, target: &Target) {
        let Some(bucket) = self.bucket(target) else { return };
        let prefix = if self.random.chance(300) { target.key.as_str().to_owned() } else { String::new() };
        let mut query = ListQuery { prefix, limit: 1 + self.random.place(40), ..ListQuery::default() };
        let look = self.with_uploads(target.place, |uploads| uploads.look());
        let (mut listed, mut after) = (BTreeSet::new(), None);
        loop {
            let Ok(permit) = policy::on_bucket::<ListUploads>(&self.person.session, &bucket) else { return };
            let engine = self.engine.clone();
            let outcome = self.call(engine.list_uploads(permit, query.clone(), after)).await;
            self.count("list uploads", &outcome);
            let Outcome::Well(page) = outcome else { return };
            if page.entries.len() > query.limit || (page.more && page.entries.is_empty()) {
                self.known.findings.add(format!("a page of uploads has {} by {query:?}", page.entries.len()));
                return;
            }
            for entry in &page.entries {
                if let ListEntry::Item(upload) = entry {
                    listed.insert((upload.key.clone(), upload.id));
                    (query.after, after) = (Some(upload.key.as_str().to_owned()), Some(upload.id));
                }
            }
            if !page.more {
                break;
            }
        }
        if self.known.state().is_doomed_place(target.place) {
            return;
        }
        let covers = |key: &ObjectKey| key.as_str().starts_with(&query.prefix);
        let wrong = self.with_uploads(target.place, |uploads| uploads.judge(&look, covers, &listed));
        wrong.into_iter().for_each(|wrong| self.known.findings.add(wrong));
    }

    /// What is aborted is not completed any more.
    async fn abort(&mut self, target: &Target, upload: &Upload, parts: Vec<CompletedPart>) {
        let (Some(permit), Some(again)) = (self.permit::<AbortUpload>(target), self.permit::<PutObject>(target)) else {
            return;
        };
        self.ask_end(target, upload);
        let engine = self.engine.clone();
        let outcome = self.call(engine.abort_upload(permit, upload.id)).await;
        self.answer_end(target, upload, &outcome);
        if matches!(outcome, Outcome::Well(())) {
            let complete = Complete { parts, ..Complete::default() };
            let completed = self.hear(Box::pin(engine.complete_upload(again, upload.id, complete))).await;
            if !matches!(completed, None | Some(Err(Error::NoSuchUpload | Error::Unavailable { .. })))
                && !self.is_doomed()
            {
                let of = target.key.as_str();
                self.known.findings.add(format!("an aborted upload of {of} is completed: {completed:?}"));
            }
        }
        self.count("abort", &outcome);
    }
}
