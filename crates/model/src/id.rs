//! Ids are distinct types over 128 random bits, shown as 32 lower-case hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use crate::outside::Outside;

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is 32 lower-case hexadecimal digits")
    }
}

impl std::error::Error for NotAnId {}

/// In one piece: the names of pieces are written with every request and for every object of a listing.
pub(crate) fn write_hex(bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            (*high, *low) = (digit(byte >> 4), digit(byte & 15));
        }
    }
    f.write_str(str::from_utf8(&digits).map_err(|_| fmt::Error)?)
}

fn parse_hex(text: &str) -> Result<[u8; 16], NotAnId> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return Err(NotAnId);
    }
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(NotAnId),
    };
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        if let [high, low] = pair {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
    }
    Ok(bytes)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// A fresh one.
            pub fn random(outside: &Outside) -> Self {
                Self(outside.random())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse_hex(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// One security domain: one running Entente.
    EnclaveId,
    /// A site as claimed for one enclave; written in its marker object.
    SiteId,
    /// A bucket, whatever its name becomes.
    BucketId,
    /// The internal id of one version of one object.
    VersionId,
    /// One multipart upload.
    UploadId,
    /// One uploaded run of bytes with its own key.
    BodyId,
    /// One unit of coding.
    SegmentId,
    /// One ordered stream of the journal. On pieces it is opaque: it stands for label, allowed
    /// vendors and gateway without saying them.
    StreamId,
    /// A random name for one key of one label and epoch (or of the control stream): pieces carry
    /// this and nothing that tells the label.
    KeyTag,
    /// A person or program that acts.
    PrincipalId,
    /// One request to lower a label.
    ReleaseId,
}

impl PrincipalId {
    /// Whoever asks without saying who they are; owns nothing and is granted nothing by name.
    pub const NOBODY: PrincipalId = PrincipalId([0; 16]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        let id = BucketId([0xa5; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "a5", &"A5".repeat(16), &"g0".repeat(16)] {
            assert_eq!(bad.parse::<BucketId>(), Err(NotAnId), "`{bad}`");
        }
    }
}
