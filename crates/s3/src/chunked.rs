//! The aws-chunked framing of request bodies, decoded as it streams: what came of a chunk is
//! handed on at once, and its signature, if it has one, is checked at its end. Nothing of a body
//! becomes visible before all of it was proven, so handing on early is safe, and a client may make
//! its chunks as long as it likes without pinning memory.

use std::sync::{Arc, OnceLock};

use bytes::{Buf, Bytes, BytesMut};
use engine::{Body, BodyError, BodyErrorKind};
use futures::{StreamExt, TryStreamExt};
use ring::digest::{Context, SHA256};

use crate::auth::ChunkSigner;
use crate::digest::malformed;
use crate::limits::{CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};

/// Where the value of the announced trailer is put when it has come and was proven.
pub(crate) type TrailerSlot = Arc<OnceLock<String>>;

/// How a body is framed.
pub(crate) struct Framing {
    /// For signed chunks.
    pub(crate) signer: Option<ChunkSigner>,
    /// Bytes the chunks must add up to: `x-amz-decoded-content-length`.
    pub(crate) length: u64,
    /// The announced trailer's lower-case name and where its value goes.
    pub(crate) trailer: Option<(String, TrailerSlot)>,
}

/// Decodes a body.
pub(crate) fn decode(source: Body, framing: Framing) -> Body {
    let decoder = Decoder {
        source,
        buffer: BytesMut::new(),
        left: framing.length,
        framing,
        state: State::Line,
        content: Context::new(&SHA256),
    };
    futures::stream::try_unfold(decoder, |mut decoder| async move {
        Ok(decoder.next().await?.map(|bytes| (bytes, decoder)))
    })
    .boxed()
}

enum State {
    /// At the line that begins a chunk.
    Line,
    /// Within a chunk's content: bytes left, and the signature it must have.
    Content {
        left: u64,
        signature: Option<String>,
    },
    Done,
}

struct Decoder {
    source: Body,
    /// Received and not looked at; never more than one piece of the source and one line.
    buffer: BytesMut,
    framing: Framing,
    /// Content that may still come.
    left: u64,
    state: State,
    content: Context,
}

impl Decoder {
    /// The next content, or `None` at the proven end.
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Line => self.state = self.line().await?,
                State::Content { left: 0, signature } => {
                    self.check(signature)?;
                    self.take_line(2)
                        .await?
                        .is_empty()
                        .then_some(())
                        .ok_or_else(|| malformed("a chunk is too long"))?;
                    self.state = State::Line;
                }
                State::Content { left, signature } => {
                    let bytes = self.content(left).await?;
                    let left = left.saturating_sub(bytes.len() as u64);
                    self.state = State::Content { left, signature };
                    return Ok(Some(bytes));
                }
                State::Done => return Ok(None),
            }
        }
    }

    /// Reads a chunk's first line; of the last chunk, everything behind it too.
    async fn line(&mut self) -> Result<State, BodyError> {
        let line = self.take_line(CHUNK_LINE_BYTES_MAX).await?;
        let (size, extension) = match line.split_once(';') {
            Some((size, extension)) => (size, Some(extension)),
            None => (line.as_str(), None),
        };
        let hexadecimal = !size.is_empty() && size.len() <= 16 && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = hexadecimal.then(|| u64::from_str_radix(size, 16).ok()).flatten();
        let size = size.ok_or_else(|| malformed("a chunk's length is not hexadecimal"))?;
        let signature = self.signature(extension)?;
        if size > self.left {
            let message = "the chunks are longer than x-amz-decoded-content-length says".to_owned();
            return Err(BodyError { kind: BodyErrorKind::Incomplete, message });
        }
        if size > 0 {
            self.left = self.left.saturating_sub(size);
            return Ok(State::Content { left: size, signature });
        }
        self.check(signature)?;
        self.trailer().await?;
        if self.left > 0 {
            return Err(incomplete());
        }
        Ok(State::Done)
    }

    fn signature(&self, extension: Option<&str>) -> Result<Option<String>, BodyError> {
        let signature = extension.map(|extension| extension.strip_prefix("chunk-signature="));
        match (signature, &self.framing.signer) {
            (None, None) => Ok(None),
            (Some(Some(signature)), Some(_)) => Ok(Some(signature.to_owned())),
            (_, Some(_)) => Err(malformed("a chunk carries no signature")),
            (_, None) => Err(malformed("a chunk carries an extension in an unsigned body")),
        }
    }

    fn check(&mut self, signature: Option<String>) -> Result<(), BodyError> {
        let content = std::mem::replace(&mut self.content, Context::new(&SHA256));
        match (&mut self.framing.signer, signature) {
            (Some(signer), Some(signature)) => signer.chunk(&signature, content).then_some(()).ok_or_else(unproven),
            // `signature` let no other combination of the two through.
            _ => Ok(()),
        }
    }

    /// Reads to the end of the body: the announced trailer, its signature, and nothing else.
    async fn trailer(&mut self) -> Result<(), BodyError> {
        while let Some(bytes) = self.source.try_next().await? {
            if self.buffer.len() <= TRAILER_BYTES_MAX {
                self.buffer.extend_from_slice(&bytes);
            }
        }
        if self.buffer.len() > TRAILER_BYTES_MAX {
            return Err(malformed("the trailer is too long"));
        }
        let text = std::str::from_utf8(&self.buffer).map_err(|_| malformed("the trailer is not text"))?;
        let (mut value, mut signature) = (None, None);
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (name, content) = line.split_once(':').ok_or_else(|| malformed("a trailer line has no colon"))?;
            let name = name.trim().to_ascii_lowercase();
            let slot = match &self.framing.trailer {
                Some((announced, _)) if *announced == name => &mut value,
                Some(_) if name == "x-amz-trailer-signature" => &mut signature,
                _ => return Err(malformed("a trailer was not announced")),
            };
            if slot.replace(content.trim().to_owned()).is_some() {
                return Err(malformed("a trailer comes twice"));
            }
        }
        self.settle(value, signature)
    }

    /// Hands the trailer's value over once its signature holds. A missing value is found by whoever
    /// asks for it.
    fn settle(&mut self, value: Option<String>, signature: Option<String>) -> Result<(), BodyError> {
        let (Some((name, slot)), Some(value)) = (&self.framing.trailer, value) else { return Ok(()) };
        match (&mut self.framing.signer, signature) {
            (None, None) => {}
            (None, Some(_)) => return Err(malformed("an unsigned body has a signed trailer")),
            (Some(_), None) => return Err(unproven()),
            (Some(signer), Some(signature)) => {
                signer.trailer(&signature, &format!("{name}:{value}\n")).then_some(()).ok_or_else(unproven)?;
            }
        }
        slot.set(value).map_err(|_| malformed("a trailer comes twice"))
    }

    /// Some of the chunk's content, at most `most` bytes.
    async fn content(&mut self, most: u64) -> Result<Bytes, BodyError> {
        if self.buffer.is_empty() {
            self.more().await?;
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.buffer.len());
        let bytes = self.buffer.split_to(most).freeze();
        if self.framing.signer.is_some() {
            self.content.update(&bytes);
        }
        Ok(bytes)
    }

    /// A line of at most `most` bytes, its CRLF counted and dropped.
    async fn take_line(&mut self, most: usize) -> Result<String, BodyError> {
        loop {
            if let Some(end) = self.buffer.iter().take(most).position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end);
                self.buffer.advance(1);
                let line = line.strip_suffix(b"\r").ok_or_else(|| malformed("a chunk's line ends without CRLF"))?;
                return String::from_utf8(line.to_vec()).map_err(|_| malformed("a chunk's line is not text"));
            }
            if self.buffer.len() >= most {
                return Err(malformed("a chunk's line is too long"));
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), BodyError> {
        let bytes = self.source.try_next().await?.ok_or_else(incomplete)?;
        if self.buffer.is_empty() {
            // The usual case, and then nothing is copied.
            self.buffer = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
        } else {
            self.buffer.extend_from_slice(&bytes);
        }
        Ok(())
    }
}

fn incomplete() -> BodyError {
    BodyError { kind: BodyErrorKind::Incomplete, message: "the body ended within its framing".into() }
}

fn unproven() -> BodyError {
    BodyError { kind: BodyErrorKind::Signature, message: "a chunk or the trailer is not signed by its key".into() }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn run(
        body: &str,
        piece: usize,
        trailer: Option<&str>,
        length: u64,
    ) -> (Result<String, BodyErrorKind>, TrailerSlot) {
        let slot = TrailerSlot::default();
        let pieces: Vec<_> = body.as_bytes().chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let trailer = trailer.map(|name| (name.to_owned(), Arc::clone(&slot)));
        let stream = decode(futures::stream::iter(pieces).boxed(), Framing { signer: None, length, trailer });
        let content = stream.try_collect::<Vec<_>>().now_or_never().unwrap();
        let text = |pieces: Vec<Bytes>| String::from_utf8(pieces.concat()).unwrap();
        (content.map(text).map_err(|error| error.kind), slot)
    }

    #[test]
    fn any_cut_of_the_stream_gives_the_same_content() {
        let body = "5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        for piece in 1..=body.len() {
            let (content, slot) = run(body, piece, Some("x-amz-checksum-crc32"), 11);
            assert_eq!(content.as_deref(), Ok("hello world"), "pieces of {piece}");
            assert_eq!(slot.get().map(String::as_str), Some("AAAAAA=="));
        }
    }

    #[test]
    fn an_end_without_the_last_empty_line_is_an_end() {
        for body in ["1\r\na\r\n0\r\n", "1\r\na\r\n0\r\n\r\n"] {
            assert_eq!(run(body, 3, None, 1).0.as_deref(), Ok("a"));
        }
    }

    #[test]
    fn broken_framing_is_never_content() {
        let malformed = BodyErrorKind::Malformed;
        for (body, length, kind) in [
            ("1\r\na\r\n", 1, BodyErrorKind::Incomplete),
            ("2\r\na", 2, BodyErrorKind::Incomplete),
            ("1\r\na\r\n0\r\n\r\n", 2, BodyErrorKind::Incomplete),
            ("1\r\na\r\n1\r\nb\r\n0\r\n\r\n", 1, BodyErrorKind::Incomplete),
            ("1\r\nab\r\n0\r\n\r\n", 1, malformed),
            ("1\na\r\n0\r\n\r\n", 1, malformed),
            ("+1\r\na\r\n0\r\n\r\n", 1, malformed),
            ("1;x=y\r\na\r\n0\r\n\r\n", 1, malformed),
            ("10000000000000001\r\na\r\n", 1, malformed),
            ("1\r\na\r\n0\r\nx-amz-meta-a:b\r\n\r\n", 1, malformed),
            ("1\r\na\r\n0\r\nno colon\r\n\r\n", 1, malformed),
        ] {
            assert_eq!(run(body, 4, None, length).0, Err(kind), "`{body}`");
        }
        let long = format!("{}\r\n", "0".repeat(CHUNK_LINE_BYTES_MAX + 1));
        assert_eq!(run(&long, 64, None, 1).0, Err(malformed));
        let long = format!("0\r\nx-amz-checksum-crc32:{}\r\n", "A".repeat(TRAILER_BYTES_MAX));
        for piece in [64, long.len()] {
            assert_eq!(run(&long, piece, Some("x-amz-checksum-crc32"), 0).0, Err(malformed));
        }
    }

    #[test]
    fn a_chunk_is_handed_on_before_it_has_ended() {
        let first = futures::stream::iter([Ok(Bytes::from_static(b"40000000\r\nthe first of a GiB"))]);
        let source = first.chain(futures::stream::pending()).boxed();
        let framing = Framing { signer: None, length: 1 << 30, trailer: None };
        let mut stream = decode(source, framing);
        let next = stream.next().now_or_never().flatten().unwrap().unwrap();
        assert_eq!(next, "the first of a GiB");
        assert!(stream.next().now_or_never().is_none());
    }

    #[test]
    fn a_trailer_twice_or_unannounced_is_refused() {
        let body = "0\r\nx-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        assert_eq!(run(body, 9, Some("x-amz-checksum-crc32"), 0).0, Err(BodyErrorKind::Malformed));
        assert_eq!(run(body, 9, Some("x-amz-checksum-crc64nvme"), 0).0, Err(BodyErrorKind::Malformed));
    }
}
