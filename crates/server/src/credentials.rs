//! An access key in an AWS-style credentials file, for `AWS_SHARED_CREDENTIALS_FILE`.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};
use crate::files::{self, PRIVATE_FILE};

/// An access key with its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: Zeroizing<String>,
}

impl Credentials {
    pub fn write(&self, path: &Path, whose: &str, region: &str) -> Result<(), Failure> {
        let text = Zeroizing::new(format!(
            "# The access key of `{whose}`. Point AWS_SHARED_CREDENTIALS_FILE at this file.\n\
             [default]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = {region}\n",
            self.access_key, *self.secret_key
        ));
        files::write_synced(path, text.as_bytes(), PRIVATE_FILE)
            .map_err(|error| Failure::io(Exit::Storage, "write", path, &error))
    }

    /// The key of the section `[default]`; `None` when there is no such file, or nothing in it.
    pub fn read(path: &Path) -> Result<Option<Credentials>, Failure> {
        let text = files::read_if_there(path).map_err(|error| Failure::io(Exit::Storage, "read", path, &error))?;
        let Some(text) = text.map(Zeroizing::new).filter(|text| !text.trim().is_empty()) else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| {
            let shown = path.display();
            Failure::new(Exit::Storage, format!("`{shown}` has no section [default] with aws_access_key_id and aws_secret_access_key: move it away and start again, it is written anew"))
        })
    }
}

fn parse(text: &str) -> Option<Credentials> {
    let mut inside = false;
    let mut id = None;
    let mut secret = None;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end_matches(']').trim() == "default";
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            match name.trim() {
                "aws_access_key_id" => id = Some(value.trim().to_owned()),
                "aws_secret_access_key" => secret = Some(Zeroizing::new(value.trim().to_owned())),
                _ => {}
            }
        }
    }
    Some(Credentials { access_key: id?, secret_key: secret? })
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, …)", self.access_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::tests::scratch;

    fn key() -> Credentials {
        Credentials { access_key: "ENTE1".into(), secret_key: Zeroizing::new("se/cr=et".into()) }
    }

    #[test]
    fn a_key_survives_its_file_and_is_never_shown_by_debug() {
        let dir = scratch("credentials");
        let path = dir.join("credentials");
        assert_eq!(Credentials::read(&path).unwrap(), None);
        key().write(&path, "owner", "us-east-1").unwrap();
        assert_eq!(Credentials::read(&path).unwrap(), Some(key()));
        assert!(!format!("{:?}", key()).contains("se/cr"));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn only_the_default_section_counts() {
        let other = "[other]\naws_access_key_id = A\naws_secret_access_key = B\n";
        assert_eq!(parse(other), None);
        let both =
            format!("{other}[default]\naws_access_key_id=ENTE1\naws_secret_access_key=se/cr=et\nregion=x\n{other}");
        assert_eq!(parse(&both), Some(key()));
    }
}
