//! Multipart uploads: parts put once or again, copied from objects, listed; completed, aborted, or left open.

use bytes::Bytes;
use engine::{Complete, CompletedPart, CopyPart, Error, StartUpload};
use model::condition::ETags;
use model::{ReadConditions, Upload, Which};
use policy::{AbortUpload, GetObject, ListParts, PutObject};

use super::{Actor, Outcome, body, declared};
use crate::Breadth;
use crate::history::ValueId;
use crate::known::{Target, content};

/// Every part but the last has at least this many bytes.
const PART: usize = 5 << 20;

impl Actor {
    /// A multipart upload, mostly of one part, now and then left open.
    pub(super) async fn upload(&mut self, target: &Target) {
        let engine = self.engine.clone();
        let Some(permit) = self.permit::<PutObject>(target) else { return };
        let Outcome::Well(upload) = self.call(engine.start_upload(permit, StartUpload::default())).await else {
            return;
        };
        let wide = self.breadth == Breadth::All;
        if wide && self.random.chance(150) && self.copy_whole(target, &upload).await {
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
        let engine = self.engine.clone();
        let outcome = self.call(engine.complete_upload(permit, upload.id, complete)).await;
        if let Outcome::Well(written) = &outcome {
            self.keep_version(target, written.version.map(Which::Own), entry, Some(value));
        }
        self.changed(target, op, "upload", &outcome);
    }

    /// Makes a whole object that the person may read the only part; true if the upload came to its end.
    async fn copy_whole(&mut self, target: &Target, upload: &Upload) -> bool {
        let Some(source) = self.source() else { return false };
        let (Some(find), Some(from)) = (self.permit::<GetObject>(&source), self.permit::<GetObject>(&source)) else {
            return false;
        };
        let engine = self.engine.clone();
        let Outcome::Well(found) = self.call(engine.find(find)).await else { return false };
        let Some(from_value) = self.known.state().by_etag(&found.version.etag) else { return false };
        let Some(to) = self.permit::<PutObject>(target) else { return false };
        let source = ReadConditions {
            if_match: Some(ETags::OneOf(vec![found.version.etag.clone()])),
            ..ReadConditions::default()
        };
        let copy = CopyPart { number: 1, source, ..CopyPart::default() };
        let copied = self.call(engine.copy_part(from, Which::Current, to, upload.id, copy)).await;
        let Outcome::Well(copied) = copied else { return false };
        let part = CompletedPart { number: 1, etag: copied.written.etag.clone(), checksum: None };
        // The same bytes, under the ETag of an upload.
        let value = self.known.state().as_only_part(from_value, &part.etag);
        self.complete(target, upload, vec![part], value).await;
        true
    }

    /// What was put last under each number is listed.
    async fn list_parts(&mut self, target: &Target, upload: &Upload, put: &[CompletedPart]) {
        let Some(permit) = self.permit::<ListParts>(target) else { return };
        let engine = self.engine.clone();
        let outcome = self.call(engine.list_parts(permit, upload.id, 0, 1000)).await;
        if let Outcome::Well((_, listed)) = &outcome {
            let listed: Vec<_> = listed.iter().map(|part| (part.number, &part.etag)).collect();
            let put: Vec<_> = put.iter().map(|part| (part.number, &part.etag)).collect();
            if listed != put {
                let of = target.key.as_str();
                self.known.findings.add(format!("an upload of {of} lists {listed:?}; put were {put:?}"));
            }
        }
        self.count("list parts", &outcome);
    }

    /// What is aborted is not completed any more.
    async fn abort(&mut self, target: &Target, upload: &Upload, parts: Vec<CompletedPart>) {
        let (Some(permit), Some(again)) = (self.permit::<AbortUpload>(target), self.permit::<PutObject>(target)) else {
            return;
        };
        let engine = self.engine.clone();
        let outcome = self.call(engine.abort_upload(permit, upload.id)).await;
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
