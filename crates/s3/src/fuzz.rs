//! What a fuzzer calls: each takes whatever bytes there are, and stops the program where something
//! holds that must not. Not in the product.
#![expect(clippy::expect_used, clippy::panic, reason = "to stop is what a fuzzer waits for")]

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt};
use http::Request;
use http::request::Parts;
use model::{AccessKeyId, PrincipalId, Timestamp};
use s3s::dto::{
    CompletedMultipartUpload, CreateBucketConfiguration, Delete, ObjectLockConfiguration, ObjectLockLegalHold,
    ObjectLockRetention, Tagging, VersioningConfiguration,
};

use crate::auth::Claim;
use crate::chunked::{self, Framing, TrailerSlot};
use crate::door::Settings;
use crate::limits::Limits;
use crate::{acl, cors, gate, lifecycle, settings, xml};

/// When the seeds were signed.
const NOW: Timestamp = Timestamp(1_445_412_480_000);
const SECRET: &str = "a secret that no signature was made with";

/// A request's head as text: method and target in the first line, then one header a line. Nothing is
/// admitted unsigned for signed, and no signature holds.
pub fn head(bytes: &[u8]) {
    let Some(parts) = parts(bytes) else { return };
    let settings = Settings {
        region: "us-east-1".into(),
        domains: vec!["localhost".into()],
        console_origins: Vec::new(),
        tls: None,
        limits: Limits::default(),
    };
    let _ = gate::bucket_named(&parts, &settings);
    let _ = gate::form_head(&parts, &settings);
    let _ = gate::preflight(&parts, &settings);
    let Ok(admitted) = gate::admit(&parts, &settings, NOW) else { return };
    let Some(claim) = &admitted.claim else {
        assert!(!parts.headers.contains_key("authorization"), "credentials were passed over");
        return;
    };
    assert!(claim.verify(SECRET).is_err(), "a signature holds that nobody made");
    assert!(!claim.strings_to_sign.is_empty());
}

fn parts(bytes: &[u8]) -> Option<Parts> {
    let (line, rest) = cut(bytes, b'\n');
    let (method, target) = cut(line, b' ');
    let mut request = Request::builder().method(method).uri(target);
    for line in rest.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let (name, value) = cut(line, b':');
        request = request.header(name, value.trim_ascii());
    }
    Some(request.body(()).ok()?.into_parts().0)
}

fn cut(bytes: &[u8], at: u8) -> (&[u8], &[u8]) {
    let mut halves = bytes.splitn(2, |byte| *byte == at);
    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
}

/// A document that a client sends. What was understood is written and understood again.
pub fn document(bytes: &[u8]) {
    let _ = xml::read::<Delete>(bytes);
    let _ = xml::read::<CompletedMultipartUpload>(bytes);
    let _ = xml::read::<VersioningConfiguration>(bytes);
    let _ = xml::read::<ObjectLockConfiguration>(bytes);
    let _ = xml::read::<ObjectLockRetention>(bytes);
    let _ = xml::read::<ObjectLockLegalHold>(bytes);
    let _ = xml::read::<CreateBucketConfiguration>(bytes);
    let _ = acl::parse(bytes, PrincipalId([0; 16]));
    let _ = cors::parse(bytes);
    let _ = lifecycle::read(bytes, String::new);
    let _ = settings::encryption(bytes);
    if let Ok(tagging) = xml::read::<Tagging>(bytes) {
        let written = xml::write(&tagging).expect("what was read is written");
        let again = xml::read::<Tagging>(&written).ok();
        assert_eq!(again.map(|tagging| tagging.tag_set), Some(tagging.tag_set), "tags changed on the way");
    }
}

/// The framing of a chunked body; its first three bytes say how it is cut, how long it is said to be
/// and what was announced. However the stream is cut, the content is the same, and never longer than
/// said.
pub fn chunks(bytes: &[u8]) {
    let [cut, length, announced, body @ ..] = bytes else { return };
    let (length, piece) = (u64::from(*length), usize::from(*cut).max(1));
    let whole = decoded(body, body.len().max(1), length, *announced);
    let in_pieces = decoded(body, piece, length, *announced);
    match (whole, in_pieces) {
        (Some(whole), Some(in_pieces)) => {
            assert_eq!(whole, in_pieces, "cut differently, it says something else");
            assert_eq!(whole.0.len() as u64, length, "another length than was said");
            assert!(announced & 2 == 0, "a chunk's signature holds that nobody made");
        }
        (None, None) => {}
        (whole, in_pieces) => panic!("whole {whole:?}, in pieces {in_pieces:?}"),
    }
}

fn decoded(body: &[u8], piece: usize, length: u64, announced: u8) -> Option<(Vec<u8>, Option<String>)> {
    let slot = TrailerSlot::default();
    let trailer = (announced & 1 == 1).then(|| ("x-amz-checksum-crc32".to_owned(), Arc::clone(&slot)));
    let signer = (announced & 2 == 2).then(signer);
    let pieces: Vec<_> = body.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let stream = chunked::decode(futures::stream::iter(pieces).boxed(), Framing { signer, length, trailer });
    let content = stream.try_collect::<Vec<_>>().now_or_never().expect("nothing is waited for").ok()?;
    Some((content.concat(), slot.get().cloned()))
}

/// The signer of a request whose signature was made here.
fn signer() -> crate::auth::ChunkSigner {
    let key = crate::auth::signing_key(SECRET, "20151021", "us-east-1");
    let signature = ring::hmac::sign(&key, b"signed");
    let mut claim = Claim {
        access_key: AccessKeyId("ENTE".into()),
        date: "20151021T072800Z".into(),
        region: "us-east-1".into(),
        signature: [0; 32],
        strings_to_sign: vec!["signed".into()],
    };
    claim.signature.copy_from_slice(signature.as_ref());
    claim.verify(SECRET).unwrap_or_else(|_| panic!("our own signature does not hold"))
}
