//! The framing of `multipart/form-data` (RFC 7578), read as it streams: fields first, then the file,
//! whose bytes are handed on as they come.

use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use engine::{Body, BodyError, BodyErrorKind};
use futures::{StreamExt, TryStreamExt};

use super::Fields;
use crate::digest::malformed;
use crate::error::{Code, Failure};
use crate::limits::{FORM_BYTES_MAX, FORM_FIELDS_MAX, REFUSED_BODY_BYTES, REFUSED_BODY_TIME};

/// Why the file was broken off, if its length was the reason.
pub(crate) type Verdict = Arc<OnceLock<Code>>;

pub(crate) struct Reader {
    source: Body,
    /// Received and not looked at.
    buffer: BytesMut,
    /// A line's end and the boundary, which no part contains.
    delimiter: Vec<u8>,
    taken: usize,
}

/// The form's file; nothing was read of its content.
pub(crate) struct File {
    /// Without the path that some browsers sent along.
    pub(crate) name: String,
    reader: Reader,
}

fn bad_form() -> Failure {
    Code::MalformedPOSTRequest.into()
}

impl Reader {
    pub(crate) fn new(
        source: impl futures::Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
        boundary: &str,
    ) -> Reader {
        // The first boundary may stand at the very beginning, without a line before it.
        let buffer = BytesMut::from(&b"\r\n"[..]);
        Reader { source: source.boxed(), buffer, delimiter: format!("\r\n--{boundary}").into_bytes(), taken: 0 }
    }

    /// Reads every field before the file.
    pub(crate) async fn fields(mut self) -> Result<(Fields, File), Failure> {
        let mut fields = Fields(Vec::new());
        let delimiter = self.delimiter.clone();
        // What stands before the first boundary means nothing.
        self.until(&delimiter).await?;
        loop {
            // Behind the last boundary stand two dashes: a form without a file.
            match self.until(b"\r\n").await?.as_ref() {
                b"" => {}
                _ => return Err(Failure::argument("file", "", "POST requires exactly one file upload per request.")),
            }
            let (name, file_name) = self.part_head().await?;
            if name == "file" {
                return Ok((fields, File { name: file_name, reader: self }));
            }
            let value = self.until(&delimiter).await?;
            let value = String::from_utf8(value.to_vec()).map_err(|_| bad_form())?;
            if fields.get(&name).is_some() || fields.0.len() >= FORM_FIELDS_MAX {
                return Err(bad_form());
            }
            fields.0.push((name, value));
        }
    }

    /// A part's name in lower case, and its file's name if it has one.
    async fn part_head(&mut self) -> Result<(String, String), Failure> {
        let mut found = None;
        loop {
            let line = self.until(b"\r\n").await?;
            if line.is_empty() {
                break;
            }
            let line = String::from_utf8(line.to_vec()).map_err(|_| bad_form())?;
            let (header, value) = line.split_once(':').ok_or_else(bad_form)?;
            if header.trim().eq_ignore_ascii_case("content-disposition") && found.replace(disposition(value)?).is_some()
            {
                return Err(bad_form());
            }
        }
        found.ok_or_else(bad_form)
    }

    /// What comes before `mark`, which is taken too.
    async fn until(&mut self, mark: &[u8]) -> Result<Bytes, Failure> {
        loop {
            if let Some(at) = find(&self.buffer, mark) {
                let before = self.buffer.split_to(at).freeze();
                let _ = self.buffer.split_to(mark.len());
                return Ok(before);
            }
            let next = self.source.try_next().await?.ok_or_else(bad_form)?;
            self.taken = self.taken.saturating_add(next.len());
            // All that is held before the file, its first piece included.
            if self.taken > FORM_BYTES_MAX && self.buffer.len() > FORM_BYTES_MAX / 2 {
                return Err(Failure::new(Code::MaxPostPreDataLengthExceeded));
            }
            self.buffer.extend_from_slice(&next);
        }
    }
}

/// `form-data; name="key"; filename="a.txt"`.
fn disposition(value: &str) -> Result<(String, String), Failure> {
    let (kind, mut rest) = value.trim().split_once(';').ok_or_else(bad_form)?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(bad_form());
    }
    let (mut name, mut file_name) = (None, String::new());
    while !rest.trim().is_empty() {
        let (parameter, after) = rest.split_once('=').ok_or_else(bad_form)?;
        let (content, next) = quoted(after.trim_start())?;
        match parameter.trim().to_ascii_lowercase().as_str() {
            "name" => name = Some(content.to_ascii_lowercase()),
            "filename" => file_name = content.rsplit(['/', '\\']).next().unwrap_or_default().to_owned(),
            // `filename*` and whatever else comes has a plain twin, or no meaning here.
            _ => {}
        }
        rest = next.trim_start().strip_prefix(';').unwrap_or(next);
        if !next.trim().is_empty() && rest.len() == next.len() {
            return Err(bad_form());
        }
    }
    Ok((name.ok_or_else(bad_form)?, file_name))
}

/// A token or a quoted string, and what stands behind it. Browsers write a quote within as `%22`.
fn quoted(text: &str) -> Result<(String, &str), Failure> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return Ok((token.trim().to_owned(), rest));
    };
    let (mut content, mut escaped) = (String::new(), false);
    for (at, character) in inner.char_indices() {
        match character {
            '"' if !escaped => return Ok((content, inner.get(at + 1..).unwrap_or_default())),
            // A backslash escapes a quote alone: file names of some systems have others.
            '\\' if !escaped && inner.get(at + 1..).is_some_and(|rest| rest.starts_with('"')) => escaped = true,
            character => {
                content.push(character);
                escaped = false;
            }
        }
    }
    Err(bad_form())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack.get(from..)?.iter().position(|byte| byte == first) {
        if haystack.get(from + at..)?.starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

impl File {
    /// Takes no more than a little of a file nobody wants, so that its sender hears why.
    pub(crate) async fn refuse(mut self) {
        let drain = async {
            let mut left = REFUSED_BODY_BYTES;
            while let Some(Ok(piece)) = self.reader.source.next().await {
                left = left.saturating_sub(piece.len() as u64);
                if left == 0 {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(REFUSED_BODY_TIME, drain).await;
    }

    /// The file's bytes; it fails when there are fewer or more than `limits` allow, and says so in the
    /// verdict.
    pub(crate) fn content(self, limits: RangeInclusive<u64>) -> (Body, Verdict) {
        let verdict = Verdict::default();
        let content = Content { reader: self.reader, limits, length: 0, ended: false, verdict: Arc::clone(&verdict) };
        let stream = futures::stream::try_unfold(content, |mut content| async move {
            Ok(content.next().await?.map(|bytes| (bytes, content)))
        });
        (stream.boxed(), verdict)
    }
}

struct Content {
    reader: Reader,
    limits: RangeInclusive<u64>,
    length: u64,
    ended: bool,
    verdict: Verdict,
}

impl Content {
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        if self.ended {
            return Ok(None);
        }
        let piece = loop {
            let Reader { buffer, delimiter, source, .. } = &mut self.reader;
            if let Some(at) = find(buffer, delimiter) {
                self.ended = true;
                break buffer.split_to(at).freeze();
            }
            // The boundary may have begun at the end of what is here.
            let sure = buffer.len().saturating_sub(delimiter.len());
            if sure > 0 {
                break buffer.split_to(sure).freeze();
            }
            match source.try_next().await? {
                Some(next) => buffer.extend_from_slice(&next),
                None => {
                    let message = "the form ends within its file".to_owned();
                    return Err(BodyError { kind: BodyErrorKind::Incomplete, message });
                }
            }
        };
        self.length = self.length.saturating_add(piece.len() as u64);
        if self.length > *self.limits.end() {
            return Err(self.broken(Code::EntityTooLarge));
        }
        if !self.ended {
            return Ok(Some(piece));
        }
        if self.length < *self.limits.start() {
            return Err(self.broken(Code::EntityTooSmall));
        }
        // Fields behind the file are none, as S3 documents: what comes is read so that the answer is.
        while self.reader.source.try_next().await?.is_some() {}
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }

    fn broken(&self, code: Code) -> BodyError {
        let _ = self.verdict.set(code);
        malformed("the file's length is not what the policy allows")
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    const FORM: &str = "--b\r\nContent-Disposition: form-data; name=\"Key\"; filename=\"Key\"\r\n\r\ngreen\r\n\
        --b\r\nContent-Disposition: form-data; name=\"acl\"\r\nContent-Type: text/plain\r\n\r\nprivate\r\n\
        --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\tea\\a \\\"b\\\".txt\"\r\n\r\n\
        one\r\n--c\r\ntwo\r\n--b--\r\n";

    async fn read(form: &str, step: usize, limits: RangeInclusive<u64>) -> Result<(Fields, String, Vec<u8>), Code> {
        let pieces: Vec<_> = form.as_bytes().chunks(step).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let read = Reader::new(stream::iter(pieces), "b").fields().await;
        let (fields, file) = read.map_err(|failure| failure.code())?;
        let name = file.name.clone();
        let (body, verdict) = file.content(limits);
        let bytes: Result<Vec<Bytes>, BodyError> = body.try_collect().await;
        match bytes {
            Ok(bytes) => Ok((fields, name, bytes.concat())),
            Err(_) => Err(verdict.get().copied().unwrap_or(Code::IncompleteBody)),
        }
    }

    #[tokio::test]
    async fn a_form_is_read_however_it_comes() {
        for step in 1..FORM.len() {
            let (fields, name, bytes) = read(FORM, step, 0..=99).await.ok().unwrap();
            let fields: Vec<_> = fields.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(fields, [("key", "green"), ("acl", "private")], "{step}");
            assert_eq!((name.as_str(), bytes.as_slice()), ("a \"b\".txt", &b"one\r\n--c\r\ntwo"[..]), "{step}");
        }
    }

    #[tokio::test]
    async fn a_file_has_the_length_it_may_have() {
        for (limits, expected) in
            [(13..=13, None), (0..=12, Some(Code::EntityTooLarge)), (14..=20, Some(Code::EntityTooSmall))]
        {
            for step in [1, 7, 1000] {
                assert_eq!(read(FORM, step, limits.clone()).await.err(), expected, "{limits:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused() {
        let cut = |at: &str| FORM.split(at).next().unwrap().to_owned();
        let long = FORM.replace("green", &"k".repeat(FORM_BYTES_MAX * 2));
        for (form, expected) in [
            (cut("two"), Code::IncompleteBody),
            (cut("private"), Code::MalformedPOSTRequest),
            (String::new(), Code::MalformedPOSTRequest),
            (FORM.replace("name=\"acl\"", "name=\"key\""), Code::MalformedPOSTRequest),
            (FORM.replace("name=\"acl\"", "nom=\"acl\""), Code::MalformedPOSTRequest),
            (FORM.replace("name=\"file\"", "name=\"image\""), Code::InvalidArgument),
            (long, Code::MaxPostPreDataLengthExceeded),
        ] {
            assert_eq!(read(&form, 512, 0..=99).await.err(), Some(expected), "{form:.80}");
        }
    }
}
