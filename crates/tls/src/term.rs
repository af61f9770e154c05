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
        let (_, certificate) = parse_x509_certificate(&certificate).map_err(|_| unreadable())?;
        let validity = certificate.validity();
        let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        let (from, until) = term.map_or((from, until), |term| (from.max(term.from), until.min(term.until)));
        term = Some(Term { from, until });
    }
    term.ok_or_else(unreadable)
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
}
