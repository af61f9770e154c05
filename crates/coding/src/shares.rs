//! The root key in shares: any `needed` of them give it back, fewer tell nothing about it.
//!
//! Shamir's scheme over GF(256), byte by byte. A share is a small text that says which root it is of, whose
//! it is and how many are needed; its check line finds slips of copying, not forgers. A root that was put
//! together is proven by its fingerprint, so that shares that were damaged or mixed give nothing instead of
//! something wrong. The text is described in `docs/formats/keys.md`.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::str::FromStr;

use blahaj::{Share as Point, Sharks};
use model::{EnclaveId, Outside, RootFingerprint};
use rand_core::{TryCryptoRng, TryRng};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::RootKey;
use crate::root_file::{hex, unhex};

const MAGIC: &str = "entente-root-share 1";
/// More people than would ever come together.
pub const SHARES_MAX: u8 = 32;
/// Bytes of the check.
const CHECK: usize = 8;
/// The place of a point, and a value for each byte of the key.
const POINT: usize = 1 + 32;

/// One holder's share.
#[derive(Clone, PartialEq, Eq)]
pub struct Share {
    pub enclave: EnclaveId,
    pub root: RootFingerprint,
    pub holder: String,
    pub needed: u8,
    pub of: u8,
    /// Which point it is, then one value for each byte of the key.
    point: Zeroizing<Vec<u8>>,
}

/// Why there is no root, or no share.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoShares {
    #[error("of 2 to {SHARES_MAX} shares 2 or more are needed, and not more than there are")]
    Numbers,
    #[error("each share has one holder, with a name of its own of 1 to 64 letters, digits or `.`, `-`, `_`, `@`")]
    Holders,
    #[error("it is not a share of a root key")]
    NotOne,
    #[error("it was written by a newer Entente")]
    Newer,
    #[error("the share is damaged: its check line does not fit; copy it again from its holder")]
    Damaged,
    #[error("they are shares of different root keys: bring shares that were made together")]
    Mixed,
    #[error("{given} different shares of {needed} that are needed: bring {} more", needed - given)]
    TooFew { given: u8, needed: u8 },
    #[error("together they give no root key of this enclave: one of them was changed")]
    WrongRoot,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Share of {}", self.holder)
    }
}

/// Splits the root key, one share for each holder.
pub fn split(
    root: &RootKey,
    enclave: EnclaveId,
    needed: u8,
    holders: &[String],
    outside: &Outside,
) -> Result<Vec<Share>, NoShares> {
    let of = u8::try_from(holders.len()).ok().filter(|of| (2..=SHARES_MAX).contains(of)).ok_or(NoShares::Numbers)?;
    if !(2..=of).contains(&needed) {
        return Err(NoShares::Numbers);
    }
    let named: BTreeSet<&String> = holders.iter().collect();
    if named.len() != holders.len() || !holders.iter().all(|name| is_name(name)) {
        return Err(NoShares::Holders);
    }
    let mut random = FromOutside(outside);
    let points = Sharks(needed).dealer_rng(root.expose(), &mut random);
    let root = RootFingerprint(root.fingerprint(enclave));
    let share = |(holder, point): (&String, Point)| {
        let point = Zeroizing::new(Vec::from(&point));
        Share { enclave, root, holder: holder.clone(), needed, of, point }
    };
    Ok(holders.iter().zip(points).map(share).collect())
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}

/// Puts the root key together and proves it.
pub fn join(shares: &[Share]) -> Result<RootKey, NoShares> {
    let first = shares.first().ok_or(NoShares::NotOne)?;
    let alike = |share: &Share| {
        (share.enclave, share.root, share.needed, share.of) == (first.enclave, first.root, first.needed, first.of)
    };
    if !shares.iter().all(alike) {
        return Err(NoShares::Mixed);
    }
    let mut seen = BTreeSet::new();
    let different = shares.iter().filter(|share| seen.insert(share.point.first().copied()));
    let points: Vec<Point> = different.filter_map(|share| Point::try_from(share.point.as_slice()).ok()).collect();
    let given = u8::try_from(points.len()).unwrap_or(u8::MAX);
    if given < first.needed {
        return Err(NoShares::TooFew { given, needed: first.needed });
    }
    let bytes = Sharks(first.needed).recover(&points).map_err(|_| NoShares::WrongRoot)?;
    let bytes = Zeroizing::new(bytes);
    let root = RootKey::from_bytes(bytes.as_slice().try_into().map_err(|_| NoShares::WrongRoot)?);
    if root.fingerprint(first.enclave) == first.root.0 { Ok(root) } else { Err(NoShares::WrongRoot) }
}

impl Share {
    /// As it stands in a file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(self.head());
        let check = check(&text);
        text.push_str("check ");
        text.push_str(&check);
        text.push('\n');
        text
    }

    fn head(&self) -> String {
        let Share { enclave, root, holder, needed, of, point } = self;
        let (root, point) = (hex(&root.0), Zeroizing::new(hex(point)));
        format!("{MAGIC}\nenclave {enclave}\nroot {root}\nholder {holder}\nneeded {needed} of {of}\nshare {}\n", *point)
    }
}

fn check(head: &str) -> String {
    let digest = blake3::hash(head.as_bytes());
    hex(digest.as_bytes().get(..CHECK).unwrap_or_default())
}

impl FromStr for Share {
    type Err = NoShares;

    fn from_str(text: &str) -> Result<Share, NoShares> {
        let mut lines = text.lines();
        match lines.next() {
            Some(MAGIC) => {}
            Some(line) if line.starts_with("entente-root-share ") => return Err(NoShares::Newer),
            _ => return Err(NoShares::NotOne),
        }
        let (share, told) = parse(lines).ok_or(NoShares::Damaged)?;
        let sound = check(&share.head()) == told && (2..=share.of).contains(&share.needed) && share.of <= SHARES_MAX;
        if sound { Ok(share) } else { Err(NoShares::Damaged) }
    }
}

/// The share, and its check.
fn parse(mut lines: std::str::Lines<'_>) -> Option<(Share, &str)> {
    let mut line = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let enclave = EnclaveId(unhex(line("enclave")?)?.try_into().ok()?);
    let root = RootFingerprint(unhex(line("root")?)?.try_into().ok()?);
    let holder = line("holder").filter(|name| is_name(name))?.to_owned();
    let (needed, of) = line("needed")?.split_once(" of ")?;
    let (needed, of) = (needed.parse().ok()?, of.parse().ok()?);
    let point = Zeroizing::new(unhex(line("share")?).filter(|point| point.len() == POINT)?);
    Some((Share { enclave, root, holder, needed, of, point }, line("check")?))
}

/// The randomness that is handed in, as the library takes it.
struct FromOutside<'a>(&'a Outside);

impl TryRng for FromOutside<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(self.0.random()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(self.0.random()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.entropy.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for FromOutside<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::outside;

    const ENCLAVE: EnclaveId = EnclaveId([9; 16]);

    fn of(root: u8, needed: u8, of: u8) -> Vec<Share> {
        let holders: Vec<String> = (0..of).map(|number| format!("holder-{number}")).collect();
        split(&RootKey::from_bytes([root; 32]), ENCLAVE, needed, &holders, &outside(root.into())).unwrap()
    }

    #[test]
    fn as_many_as_are_needed_give_the_root_whichever_they_are() {
        let shares = of(7, 3, 5);
        for chosen in [[0, 1, 2], [4, 2, 0], [1, 3, 4]] {
            let read = chosen.map(|at| shares[at].to_text().parse::<Share>().unwrap());
            assert_eq!(join(&read).unwrap().expose(), &[7; 32]);
        }
        assert_eq!(join(&shares).unwrap().expose(), &[7; 32], "all do as well");
    }

    #[test]
    fn too_few_mixed_and_damaged_ones_are_refused() {
        let (shares, other) = (of(7, 3, 5), of(8, 3, 5));
        let few = |shares: &[Share]| join(shares).map(drop).unwrap_err();
        assert_eq!(few(&shares[..2]), NoShares::TooFew { given: 2, needed: 3 });
        let twice = [shares[0].clone(), shares[0].clone(), shares[1].clone()];
        assert_eq!(few(&twice), NoShares::TooFew { given: 2, needed: 3 }, "one twice is one");
        assert_eq!(few(&[shares[0].clone(), shares[1].clone(), other[2].clone()]), NoShares::Mixed);
        let mut forged = shares[1].clone();
        forged.point[5] ^= 1;
        assert_eq!(few(&[shares[0].clone(), forged, shares[2].clone()]), NoShares::WrongRoot);

        let text = shares[0].to_text();
        let digit = text.find("share 01").unwrap() + "share 01".len();
        let mut slip = text.to_string();
        slip.replace_range(digit..=digit, if &text[digit..=digit] == "0" { "1" } else { "0" });
        assert_eq!(slip.parse::<Share>(), Err(NoShares::Damaged));
        assert_eq!(text.replace("holder-0", "holder-1").parse::<Share>(), Err(NoShares::Damaged));
        assert_eq!(text.replace("share 1\n", "share 2\n").parse::<Share>(), Err(NoShares::Newer));
        assert_eq!("tea".parse::<Share>(), Err(NoShares::NotOne));
    }

    #[test]
    fn what_makes_no_sense_is_not_split() {
        let split = |needed, names: &[&str]| {
            let holders: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            split(&RootKey::from_bytes([7; 32]), ENCLAVE, needed, &holders, &outside(1)).map(drop)
        };
        assert_eq!(split(1, &["a", "b"]), Err(NoShares::Numbers), "one alone would be the key");
        assert_eq!(split(3, &["a", "b"]), Err(NoShares::Numbers));
        assert_eq!(split(2, &["a"]), Err(NoShares::Numbers));
        assert_eq!(split(2, &["a", "a"]), Err(NoShares::Holders));
        assert_eq!(split(2, &["a", "b\nneeded 1 of 1"]), Err(NoShares::Holders));
    }
}
