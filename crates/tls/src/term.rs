//! For how long a certificate holds.

use std::path::Path;

use x509_parser::parse_x509_certificate;

use crate::Error;
use crate::certificate::{chain, shown};

/// Seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    pub from: i64,
    pub until: i64,
}

/// Of the certificates of this PEM text, read from `path`, all together: a chain ends with the first of them.
pub fn term(path: &Path, text: &[u8]) -> Result<Term, Error> {
    let unreadable = || Error::Unreadable { path: shown(path), reason: "a certificate in it is malformed".to_owned() };
    let mut term: Option<Term> = None;
    for certificate in chain(path, text)? {
        let Term { from, until } = of(&certificate).ok_or_else(unreadable)?;
        let (from, until) = term.map_or((from, until), |term| (from.max(term.from), until.min(term.until)));
        term = Some(Term { from, until });
    }
    term.ok_or_else(unreadable)
}

/// Of one certificate; `None` of what is none.
pub(crate) fn of(certificate: &[u8]) -> Option<Term> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let validity = certificate.validity();
    Some(Term { from: validity.not_before.timestamp(), until: validity.not_after.timestamp() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Development;

    #[test]
    fn the_term_of_what_is_made_here_is_a_century() {
        let made = Development::for_names(&["localhost".to_owned()]).unwrap();
        let term = term("c.pem".as_ref(), made.certificate.as_bytes()).unwrap();
        assert_eq!((term.from, term.until), (1_577_836_800, 4_733_510_400));
        assert!(super::term("c.pem".as_ref(), b"nothing").is_err());
    }

    #[test]
    fn the_end_of_a_certificate_is_what_was_asked_for() {
        let mut wanted = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        wanted.not_after = rcgen::date_time_ymd(2031, 5, 17);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = wanted.self_signed(&key).unwrap();
        assert_eq!(of(certificate.der()).map(|term| term.until), Some(1_936_742_400));
        for cut in 0..certificate.der().len() {
            assert_eq!(of(certificate.der().get(..cut).unwrap()), None, "cut at {cut}");
        }
    }
}
