//! When a certificate ends: the one field of it that operators must know beforehand.
//!
//! A certificate is DER: tag, length, content, one in another. Only the way to the field is walked (RFC 5280,
//! section 4.1); whether the certificate is any good is the client's to judge.

const SEQUENCE: u8 = 0x30;
/// The version, which old certificates leave out.
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// In seconds since 1970.
pub(super) fn of(certificate: &[u8]) -> Option<u64> {
    let mut signed = content_of(SEQUENCE, &mut content_of(SEQUENCE, &mut { certificate })?)?;
    if signed.first() == Some(&VERSION) {
        value(&mut signed)?;
    }
    // Number, algorithm, issuer.
    for _ in 0..3 {
        value(&mut signed)?;
    }
    let mut validity = content_of(SEQUENCE, &mut signed)?;
    value(&mut validity)?;
    let (tag, ends) = value(&mut validity)?;
    seconds(tag, std::str::from_utf8(ends).ok()?)
}

/// The next value, and its tag.
fn value<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (tag, after) = rest.split_first()?;
    let (first, mut after) = after.split_first()?;
    let length = match usize::from(*first) {
        short @ 0..0x80 => short,
        long => {
            let (bytes, behind) = after.split_at_checked(long - 0x80)?;
            after = behind;
            // Nothing here is as long as four bytes can say.
            (bytes.len() <= 4).then(|| bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))?
        }
    };
    let (content, behind) = after.split_at_checked(length)?;
    *rest = behind;
    Some((*tag, content))
}

fn content_of<'a>(wanted: u8, rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    value(rest).filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, which is all that certificates may use.
fn seconds(tag: u8, text: &str) -> Option<u64> {
    let digits = text.strip_suffix('Z').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u64>().ok();
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => (number(0, 2).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
        (GENERALIZED_TIME, 14) => (number(0, 4)?, 4),
        _ => return None,
    };
    let field = |place: usize| number(rest + 2 * place, rest + 2 * place + 2);
    let (month, day, hour, minute, second) = (field(0)?, field(1)?, field(2)?, field(3)?, field(4)?);
    (year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day)).then_some(())?;
    // Years are counted from March, so that the day that some have more comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let since_1970 = days.checked_sub(719_468)?;
    Some(since_1970 * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_rfc_5280_writes_them() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "240229235959Z", Some(1_709_251_199)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "21000301000000Z", Some(4_107_542_400)),
            (GENERALIZED_TIME, "500101000000Z", None),
            (UTC_TIME, "2401010000Z", None),
            (UTC_TIME, "241301000000Z", None),
            (UTC_TIME, "24010100000x", None),
        ] {
            assert_eq!(seconds(tag, text), expected, "{text}");
        }
    }

    #[test]
    fn the_end_of_a_certificate_is_what_was_asked_for() {
        let mut wanted = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        wanted.not_after = rcgen::date_time_ymd(2031, 5, 17);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = wanted.self_signed(&key).unwrap();
        assert_eq!(of(certificate.der()), Some(1_936_742_400));
        for cut in 0..certificate.der().len() {
            assert!(of(certificate.der().get(..cut).unwrap()).is_none(), "cut at {cut}");
        }
    }
}
