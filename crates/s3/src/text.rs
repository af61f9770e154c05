//! Small text forms of the protocol: percent-encoding, base64, dates.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use model::Timestamp;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{Date, Month, OffsetDateTime};

/// Decodes `%XX`, strictly; `None` for a bad escape, for what is not UTF-8, and for NUL.
pub(crate) fn percent_decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            b'+' if plus_is_space => b' ',
            byte => byte,
        });
    }
    (!bytes.contains(&0)).then_some(())?;
    String::from_utf8(bytes).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Encodes as Signature Version 4 and `encoding-type=url` do: all but letters, digits, `-._~` and
/// what `keep` names.
pub(crate) fn percent_encode(text: &str, keep: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') || keep.contains(character) {
            out.push(character);
        } else {
            let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().map_or('0', char::from);
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// An opaque token that stands for `text`.
pub(crate) fn token(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

pub(crate) fn from_token(token: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`.
pub(crate) fn http_date(at: Timestamp) -> String {
    let at = date_time(at);
    let (weekday, month) = (at.weekday().to_string(), at.month().to_string());
    let (day, year) = (at.day(), at.year());
    let (hour, minute, second) = at.to_hms();
    format!("{weekday:.3}, {day:02} {month:.3} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads an HTTP date; `None` for anything else.
pub(crate) fn from_http_date(text: &str) -> Option<Timestamp> {
    let at = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    Some(Timestamp(at.unix_timestamp().checked_mul(1000)?))
}

/// `2015-10-21T07:28:00.000Z`.
pub(crate) fn iso_date(at: Timestamp) -> String {
    let at = date_time(at);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, milli) = at.to_hms_milli();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", u8::from(month))
}

/// Reads a date of ISO 8601 with its offset; `None` for anything else.
pub(crate) fn from_iso_date(text: &str) -> Option<Timestamp> {
    from_document_date(OffsetDateTime::parse(text, &Rfc3339).ok()?.into()).into()
}

/// The moment a document tells.
pub(crate) fn from_document_date(at: s3s::dto::Timestamp) -> Timestamp {
    let nanos = OffsetDateTime::from(at).unix_timestamp_nanos();
    Timestamp(i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(i64::MAX))
}

/// The moment as documents tell it, to the millisecond.
pub(crate) fn exact_date(at: Timestamp) -> s3s::dto::Timestamp {
    date_time(at).into()
}

/// The moment as documents tell it: to the second, as headers do, so that both name the same one.
pub(crate) fn document_date(at: Timestamp) -> s3s::dto::Timestamp {
    date_time(Timestamp(at.0.div_euclid(1000) * 1000)).into()
}

fn date_time(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Reads `20151021T072800Z`, the date of Signature Version 4.
pub(crate) fn from_amz_date(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let part = |text: &str, from: usize, to: usize| -> Option<u16> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let small = |text: &str, from: usize| part(text, from, from + 2).and_then(|value| u8::try_from(value).ok());
    (date.len() == 8 && clock.len() == 6).then_some(())?;
    let month = Month::try_from(small(date, 4)?).ok()?;
    let date = Date::from_calendar_date(i32::from(part(date, 0, 4)?), month, small(date, 6)?).ok()?;
    let at = date.with_hms(small(clock, 0)?, small(clock, 2)?, small(clock, 4)?).ok()?.assume_utc();
    Some(Timestamp(at.unix_timestamp().checked_mul(1000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_escapes_and_nul_are_no_text() {
        assert_eq!(percent_decode("a%2Fb%20c+d", false).as_deref(), Some("a/b c+d"));
        assert_eq!(percent_decode("a+b%2B", true).as_deref(), Some("a b+"));
        for bad in ["%", "%2", "%zz", "a%+1", "%00", "%ff", "%c3"] {
            assert_eq!(percent_decode(bad, false), None, "`{bad}`");
        }
    }

    #[test]
    fn encoding_survives_decoding() {
        for text in ["ключ/ä b+c", "%2e%2e//..", "~-._", "a\u{1}b"] {
            let encoded = percent_encode(text, "/");
            assert!(encoded.is_ascii() && !encoded.contains(' '));
            assert_eq!(percent_decode(&encoded, true).as_deref(), Some(text));
        }
        assert_eq!(percent_encode("quux ab/thud", "/"), "quux%20ab/thud");
    }

    #[test]
    fn dates_read_what_they_write() {
        let at = Timestamp(1_445_412_480_000);
        assert_eq!(http_date(at), "Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(from_http_date("Wed, 21 Oct 2015 07:28:00 GMT"), Some(at));
        assert_eq!(from_amz_date("20151021T072800Z"), Some(at));
        for bad in ["", "20151021T072800", "20151321T072800Z", "2015-021T072800Z", "20151021T0728+0Z", "éé151021T0728Z"]
        {
            assert_eq!(from_amz_date(bad), None, "`{bad}`");
        }
        assert_eq!(from_http_date("yesterday"), None);
        assert_eq!(iso_date(at), "2015-10-21T07:28:00.000Z");
        assert_eq!(from_iso_date(&iso_date(at)), Some(at));
        assert_eq!(from_iso_date("2015-10-21T09:28:00+02:00"), Some(at));
        assert_eq!(from_iso_date("2015-10-21"), None);
    }

    #[test]
    fn tokens_give_their_text_back() {
        assert_eq!(from_token(&token("a/b ä")).as_deref(), Some("a/b ä"));
        assert_eq!(from_token("!"), None);
    }
}
