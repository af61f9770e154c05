//! What is wrong with the machine and the doors, beside sites and promise. It is of all labels, and so for who sees all.

use model::Timestamp;

use super::Admin;
use super::wire::Trouble;
use crate::machine::{ROOM_BROKEN, ROOM_WARN};

/// Enough to ask an authority, also over a holiday.
pub const CERTIFICATE_WARN_S: i64 = 14 * 86_400;
/// Of the last minute's requests, one in so many that failed is more than chance, from so many on.
const FAILED_ONE_IN: u64 = 20;
const FAILED_MIN: u64 = 5;

/// What is looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    now: Timestamp,
    /// Bytes left on the disk of the data directory; `None` where it does not answer.
    free: Option<u64>,
    /// When the doors' certificate ends, in seconds since 1970.
    certificate_ends: Option<u64>,
    /// Of the last minute: what the S3 door was asked, and how much of that it could not do.
    asked: u64,
    failed: u64,
}

/// What is wrong now.
pub async fn found(admin: &Admin) -> Vec<Trouble> {
    let (asked, failed) = admin.ring.door_lately();
    let room = admin.disks.room(admin.config().dir().path()).await;
    let facts = Facts {
        now: admin.clock.now(),
        free: room.map(|room| room.free),
        certificate_ends: admin.tls.as_ref().and_then(tls::Server::expires),
        asked,
        failed,
    };
    troubles(&facts)
}

/// In the order in which they matter. None says how much, but by a step: it is told anew only when it is another.
fn troubles(facts: &Facts) -> Vec<Trouble> {
    let trouble = |what: &str, advice: &str| Trouble { what: what.to_owned(), advice: advice.to_owned() };
    let mut found = Vec::new();
    let room = "make room, or move the data directory while it is stopped: `entente doctor` says how much there is";
    match facts.free {
        Some(free) if free < ROOM_BROKEN => {
            found.push(trouble(
                "the disk of the data directory is full: soon nothing can be written to any bucket",
                room,
            ));
        }
        Some(free) if free < ROOM_WARN => {
            found.push(trouble("the disk of the data directory has less than 2 GiB left", room));
        }
        _ => {}
    }
    let renew = "put a new certificate and key in its place: they are served within ten seconds";
    let ends_in_s = facts.certificate_ends.map(|ends| ends.cast_signed().saturating_sub(facts.now.0 / 1000));
    match ends_in_s {
        Some(..=0) => {
            found.push(trouble("the certificate of the doors has expired: clients refuse the connection", renew));
        }
        Some(..CERTIFICATE_WARN_S) => {
            found.push(trouble("the certificate of the doors expires within two weeks", renew));
        }
        _ => {}
    }
    if facts.failed >= FAILED_MIN && facts.failed.saturating_mul(FAILED_ONE_IN) >= facts.asked {
        found.push(trouble(
            "of the last minute's requests at the S3 door one in twenty or more could not be carried out",
            "see the chart of errors for since when, and the log for why",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trouble_is_told_from_where_it_begins() {
        let now = Timestamp(1_000_000_000_000);
        let well = Facts {
            now,
            free: Some(ROOM_WARN),
            certificate_ends: Some(1_000_000_000 + 14 * 86_400),
            asked: 99,
            failed: 4,
        };
        assert_eq!(troubles(&well), []);
        assert_eq!(troubles(&Facts { now, ..Facts::default() }), [], "what is not known is no trouble");
        let told =
            |facts: Facts| troubles(&facts).into_iter().map(|trouble| trouble.what).collect::<Vec<_>>().join("; ");
        for (facts, says) in [
            (Facts { free: Some(ROOM_WARN - 1), ..well }, "less than 2 GiB"),
            (Facts { free: Some(ROOM_BROKEN - 1), ..well }, "is full"),
            (Facts { certificate_ends: Some(1_000_000_000 + 14 * 86_400 - 1), ..well }, "expires within"),
            (Facts { certificate_ends: Some(1_000_000_000), ..well }, "has expired"),
            (Facts { failed: 5, ..well }, "one in twenty"),
        ] {
            let told = told(facts);
            assert!(told.contains(says) && !told.contains(';'), "{facts:?}: {told}");
        }
        assert_eq!(told(Facts { failed: 5, asked: 101, ..well }), "");
    }
}
