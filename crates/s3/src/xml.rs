//! S3's documents: `s3s` writes and reads them, and the error document is written here.
//!
//! Around `s3s` stands what it does not do: it passes over CDATA sections, knows no character
//! reference from U+10000 to U+FFFFF, and writes a carriage return as it is, which every reader
//! takes for a line feed.

use std::borrow::Cow;

use bytes::Bytes;
use s3s::xml::{DeError, DeResult, Deserialize, Deserializer, SerResult, Serialize, Serializer};

use crate::error::{Code, Failure};
use crate::response::RequestId;

/// Of every document that S3 knows.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Writes a document.
pub(crate) fn write(document: &impl Serialize) -> Result<Bytes, Failure> {
    let mut buffer = Vec::with_capacity(512);
    let mut serializer = Serializer::new(&mut buffer);
    serializer.decl().and_then(|()| document.serialize(&mut serializer)).map_err(Failure::internal)?;
    Ok(with_returns(buffer).into())
}

/// Reads a document that is the whole of `bytes`.
pub(crate) fn read<T: for<'xml> Deserialize<'xml>>(bytes: &[u8]) -> Result<T, Failure> {
    let bytes = prepared(bytes)?;
    let mut deserializer = Deserializer::new(&bytes);
    let malformed = |_: DeError| Failure::from(Code::MalformedXML);
    let document = T::deserialize(&mut deserializer).map_err(malformed)?;
    deserializer.expect_eof().map_err(malformed)?;
    Ok(document)
}

/// Writes a document element by element.
pub(crate) fn write_with(
    root: &str,
    content: impl FnOnce(&mut Serializer<&mut Vec<u8>>) -> SerResult,
) -> Result<Bytes, Failure> {
    written(|serializer| serializer.element_with_ns(root, NAMESPACE, content))
}

/// The same for the few documents that S3 writes without a namespace.
pub(crate) fn write_plain(
    root: &str,
    content: impl FnOnce(&mut Serializer<&mut Vec<u8>>) -> SerResult,
) -> Result<Bytes, Failure> {
    written(|serializer| serializer.element(root, content))
}

fn written(write: impl FnOnce(&mut Serializer<&mut Vec<u8>>) -> SerResult) -> Result<Bytes, Failure> {
    let mut buffer = Vec::with_capacity(512);
    let mut serializer = Serializer::new(&mut buffer);
    serializer.decl().and_then(|()| write(&mut serializer)).map_err(Failure::internal)?;
    Ok(with_returns(buffer).into())
}

/// Reads a document element by element: `content` takes what is within the root and refuses what it does
/// not know, which `s3s` would pass over.
pub(crate) fn read_with<T>(
    bytes: &[u8],
    root: &str,
    content: impl FnOnce(&mut Deserializer<'_>) -> DeResult<T>,
) -> Result<T, Failure> {
    let bytes = prepared(bytes)?;
    let mut deserializer = Deserializer::new(&bytes);
    let read = deserializer.named_element(root, content);
    read.and_then(|value| deserializer.expect_eof().map(|()| value)).map_err(|_| Code::MalformedXML.into())
}

/// A document as `s3s` reads it right. One with CDATA or a document type is refused: CDATA would be
/// passed over, so that a deletion of `a<![CDATA[b]]>` deleted `a`.
pub(crate) fn prepared(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Failure> {
    let declares =
        |at: usize| bytes.get(at..).is_some_and(|rest| rest.starts_with(b"<!") && !rest.starts_with(b"<!--"));
    if (0..bytes.len()).any(declares) {
        return Err(Code::MalformedXML.into());
    }
    let mut out: Option<Vec<u8>> = None;
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|two| two == b"&#") {
        let (before, reference) = rest.split_at(at);
        let (shown, length) = match high_reference(reference) {
            Some((character, length)) => (character.to_string(), length),
            None => ("&#".to_owned(), 2),
        };
        let out = out.get_or_insert_with(|| Vec::with_capacity(bytes.len()));
        out.extend_from_slice(before);
        out.extend_from_slice(shown.as_bytes());
        rest = reference.get(length..).unwrap_or_default();
    }
    Ok(match out {
        None => Cow::Borrowed(bytes),
        Some(mut out) => {
            out.extend_from_slice(rest);
            Cow::Owned(out)
        }
    })
}

/// The character above U+FFFF that `text` begins with a reference to, and the reference's length.
fn high_reference(text: &[u8]) -> Option<(char, usize)> {
    /// `&#`, leading zeros within reason, and `;`.
    const LENGTH_MAX: usize = 24;
    let end = text.iter().take(LENGTH_MAX).position(|byte| *byte == b';')?;
    let number = std::str::from_utf8(text.get(2..end)?).ok()?;
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let character = digits.chars().all(|digit| digit.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok());
    let character = char::from_u32(character.flatten()?)?;
    (character > '\u{ffff}').then_some((character, end + 1))
}

/// Carriage returns as references: readers of XML turn bare ones into line feeds, and a client would
/// miss its key. The markup itself has none.
fn with_returns(document: Vec<u8>) -> Vec<u8> {
    if !document.contains(&b'\r') {
        return document;
    }
    document.split(|byte| *byte == b'\r').collect::<Vec<_>>().join(&b"&#13;"[..])
}

/// U+FFFD for each character that XML 1.0 has no way to write, so that the document stays readable
/// whatever the refused request held.
fn legible(document: &[u8]) -> Vec<u8> {
    let illegible = |character: char| matches!(character, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    String::from_utf8_lossy(document).replace(illegible, "\u{fffd}").into_bytes()
}

/// Writes the document of a failed request.
pub(crate) fn write_failure(failure: &Failure, resource: &str, id: &RequestId) -> Result<Bytes, Failure> {
    let mut buffer = Vec::with_capacity(256);
    let mut serializer = Serializer::new(&mut buffer);
    serializer
        .decl()
        .and_then(|()| {
            serializer.element("Error", |error| {
                error.content("Code", failure.code().name())?;
                error.content("Message", failure.message())?;
                for (name, value) in failure.fields() {
                    error.content(name, value)?;
                }
                error.content("Resource", resource)?;
                error.content("RequestId", &id.request)?;
                error.content("HostId", &*id.host)
            })
        })
        .map_err(Failure::internal)?;
    Ok(with_returns(legible(&buffer)).into())
}

#[cfg(test)]
mod tests {
    use s3s::dto::Delete;

    use super::*;

    fn key(text: &str) -> Result<String, Code> {
        let document = format!("<Delete><Object><Key>{text}</Key></Object></Delete>");
        let read = read::<Delete>(document.as_bytes()).map_err(|failure| failure.code());
        read.map(|delete| delete.objects.into_iter().map(|object| object.key).collect())
    }

    #[test]
    fn a_key_is_read_whole_or_refused() {
        assert_eq!(key("a<!-- no --> b").as_deref(), Ok("a b"));
        for bad in ["a<![CDATA[b]]>", "<![CDATA[b]]>", "a<!DOCTYPE b>", "a<!doctype b>", "a<!"] {
            assert_eq!(key(bad), Err(Code::MalformedXML), "{bad}");
        }
        let typed = b"<!DOCTYPE Delete><Delete><Object><Key>a</Key></Object></Delete>";
        assert_eq!(read::<Delete>(typed).unwrap_err().code(), Code::MalformedXML);
    }

    #[test]
    fn any_character_may_come_as_a_reference() {
        for (reference, character) in [
            ("&#x1F375;", "\u{1f375}"),
            ("&#127861;", "\u{1f375}"),
            ("&#x000010000;&#xFFFFF;", "\u{10000}\u{fffff}"),
            ("&#x10FFFF;", "\u{10ffff}"),
            ("&#13;&#x41;&amp;&#x1f375;c", "\rA&\u{1f375}c"),
            ("&amp;#x1F375;", "&#x1F375;"),
        ] {
            assert_eq!(key(&format!("a{reference}b")).unwrap(), format!("a{character}b"), "{reference}");
        }
        for bad in ["&#x110000;", "&#xD800;", "&#1;", "&#", "&#x1F375", "&#x+1F375;"] {
            assert_eq!(key(bad), Err(Code::MalformedXML), "{bad}");
        }
    }

    #[test]
    fn an_error_can_be_read_whatever_the_request_held() {
        let failure = Failure::argument("marker", "a\r\n\u{1}\u{ffff}\tb", "no");
        let id = RequestId { request: "1".into(), host: "h".into() };
        let text = String::from_utf8(write_failure(&failure, "/tea", &id).unwrap().to_vec()).unwrap();
        assert!(text.contains("<ArgumentValue>a&#13;\n\u{fffd}\u{fffd}\tb</ArgumentValue>"), "{text}");
    }
}
