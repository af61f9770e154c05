//! Signature Version 4: from a secret to the proof that a request, a chunk or a trailer is signed.

use ring::digest::{Context, SHA256};
use ring::hmac;

use crate::error::{Code, Failure};

/// The scope's service and terminator.
pub(crate) const SERVICE: &str = "s3";
pub(crate) const TERMINATOR: &str = "aws4_request";

/// SHA-256 of nothing, in hexadecimal.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// What a request claims about itself: who signed it, and what was signed.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) access_key: model::AccessKeyId,
    /// `20151021T072800Z`.
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) signature: [u8; 32],
    /// Usually one. Two when the path has characters that some clients sign as they are and others
    /// in their percent-encoded form: either proves the whole request.
    pub(crate) strings_to_sign: Vec<String>,
}

impl Claim {
    /// `20151021/us-east-1/s3/aws4_request`.
    pub(crate) fn scope(&self) -> String {
        let day = self.date.get(..8).unwrap_or_default();
        format!("{day}/{}/{SERVICE}/{TERMINATOR}", self.region)
    }

    /// Checks the claim with the secret of its access key.
    pub(crate) fn verify(&self, secret: &str) -> Result<ChunkSigner, Failure> {
        let key = signing_key(secret, self.date.get(..8).unwrap_or_default(), &self.region);
        let proven = |text: &String| hmac::verify(&key, text.as_bytes(), &self.signature).is_ok();
        if !self.strings_to_sign.iter().any(proven) {
            return Err(Code::SignatureDoesNotMatch.into());
        }
        let scope = format!("{}\n{}", self.date, self.scope());
        Ok(ChunkSigner { key, scope, previous: hex::encode(self.signature) })
    }
}

/// The key that signs for one day, region and service.
pub(crate) fn signing_key(secret: &str, day: &str, region: &str) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    [day, region, SERVICE, TERMINATOR]
        .into_iter()
        .fold(first, |key, part| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()))
}

/// Checks the signatures of chunks, each of which signs the one before it.
pub(crate) struct ChunkSigner {
    key: hmac::Key,
    /// Date and scope, as two lines.
    scope: String,
    previous: String,
}

impl ChunkSigner {
    /// Whether `signature` (hexadecimal) is that of a chunk with this content.
    pub(crate) fn chunk(&mut self, signature: &str, content: Context) -> bool {
        let content = hex::encode(content.finish());
        self.check("AWS4-HMAC-SHA256-PAYLOAD", signature, &format!("{EMPTY_SHA256}\n{content}"))
    }

    /// Whether `signature` is that of the trailer `name:value\n`.
    pub(crate) fn trailer(&mut self, signature: &str, canonical: &str) -> bool {
        let mut content = Context::new(&SHA256);
        content.update(canonical.as_bytes());
        self.check("AWS4-HMAC-SHA256-TRAILER", signature, &hex::encode(content.finish()))
    }

    fn check(&mut self, algorithm: &str, signature: &str, content: &str) -> bool {
        let text = format!("{algorithm}\n{}\n{}\n{content}", self.scope, self.previous);
        let proven =
            hex::decode(signature).is_ok_and(|signature| hmac::verify(&self.key, text.as_bytes(), &signature).is_ok());
        signature.clone_into(&mut self.previous);
        proven
    }
}

/// What the policy of a form claims: who signed it, and how.
#[derive(Clone, Debug)]
pub(crate) enum FormClaim {
    Version4 {
        day: String,
        region: String,
        signature: Vec<u8>,
    },
    /// HMAC with SHA-1 over the policy's text: what many upload forms in the field still carry. Its
    /// policy names the bucket and when it expires, as the newer one's does.
    Version2 {
        signature: Vec<u8>,
    },
}

impl FormClaim {
    /// Checks the claim with the secret of its access key on the policy as the form carries it.
    pub(crate) fn verify(&self, secret: &str, policy: &str) -> Result<(), Failure> {
        let (key, signature) = match self {
            FormClaim::Version4 { day, region, signature } => (signing_key(secret, day, region), signature),
            FormClaim::Version2 { signature } => {
                (hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()), signature)
            }
        };
        hmac::verify(&key, policy.as_bytes(), signature).map_err(|_| Code::SignatureDoesNotMatch.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The published example of a chunked upload: 66,560 bytes of `a` in chunks of 64 KiB and 1 KiB.
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const SEED: &str = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";

    fn claim() -> Claim {
        let canonical = concat!(
            "PUT\n/examplebucket/chunkObject.txt\n\n",
            "content-encoding:aws-chunked\ncontent-length:66824\nhost:s3.amazonaws.com\n",
            "x-amz-content-sha256:STREAMING-AWS4-HMAC-SHA256-PAYLOAD\nx-amz-date:20130524T000000Z\n",
            "x-amz-decoded-content-length:66560\nx-amz-storage-class:REDUCED_REDUNDANCY\n\n",
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;",
            "x-amz-decoded-content-length;x-amz-storage-class\nSTREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        );
        let digest = hex::encode(crate::digest::sha256_of(canonical.as_bytes()));
        let scope = "20130524/us-east-1/s3/aws4_request";
        Claim {
            access_key: model::AccessKeyId("AKIAIOSFODNN7EXAMPLE".into()),
            date: "20130524T000000Z".into(),
            region: "us-east-1".into(),
            signature: hex::decode(SEED).unwrap().try_into().unwrap(),
            strings_to_sign: vec![format!("AWS4-HMAC-SHA256\n20130524T000000Z\n{scope}\n{digest}")],
        }
    }

    fn digest(length: usize) -> Context {
        let mut context = Context::new(&SHA256);
        context.update(&vec![b'a'; length]);
        context
    }

    #[test]
    fn the_published_example_is_proven_chunk_by_chunk() {
        let mut signer = claim().verify(SECRET).unwrap();
        for (length, signature) in [
            (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ] {
            assert!(signer.chunk(signature, digest(length)), "{length} bytes");
        }
    }

    #[test]
    fn a_changed_chunk_or_order_is_not_proven() {
        let mut signer = claim().verify(SECRET).unwrap();
        assert!(!signer.chunk("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", digest(65535)));
        let mut signer = claim().verify(SECRET).unwrap();
        assert!(!signer.chunk("0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", digest(1024)));
    }

    #[test]
    fn another_secret_proves_nothing() {
        assert_eq!(claim().verify("another").err().map(|f| f.code()), Some(Code::SignatureDoesNotMatch));
    }
}
