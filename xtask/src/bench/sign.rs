//! Just enough of AWS Signature Version 4 to load the door: header signatures over an unsigned payload.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use ring::{digest, hmac};

/// Who signs, and for where.
#[derive(Clone)]
pub struct Signer {
    pub access: String,
    pub secret: String,
    pub region: String,
    pub host: String,
}

impl Signer {
    /// The headers of a request, each ending in CR LF. `path` and `query` are already encoded, the
    /// query in the order of its names.
    pub fn headers(&self, method: &str, path: &str, query: &str) -> Result<String> {
        let (day, moment) = stamps(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let host = &self.host;
        let canonical = format!(
            "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:{moment}\n\n\
             host;x-amz-content-sha256;x-amz-date\nUNSIGNED-PAYLOAD"
        );
        let hash = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hash}");
        let signature = hex::encode(mac(&self.key(&day), &to_sign));
        Ok(format!(
            "host: {host}\r\nx-amz-date: {moment}\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={}/{scope}, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}\r\n",
            self.access
        ))
    }

    fn key(&self, day: &str) -> Vec<u8> {
        let first = format!("AWS4{}", self.secret).into_bytes();
        [day, &self.region, "s3", "aws4_request"].iter().fold(first, |key, part| mac(&key, part))
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// `20260131` and `20260131T235959Z` of seconds since 1970, by the civil calendar.
pub fn stamps(seconds: u64) -> (String, String) {
    let (year, month, date) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let day = format!("{year:04}{month:02}{date:02}");
    let moment = format!("{day}T{hour:02}{minute:02}{second:02}Z");
    (day, moment)
}

/// Year, month and day of a number of days since 1970: Howard Hinnant's `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        assert_eq!(stamps(0).1, "19700101T000000Z");
        assert_eq!(stamps(951_827_696).1, "20000229T123456Z");
        assert_eq!(stamps(1_893_456_000).1, "20300101T000000Z");
    }
}
