//! The token that opens `/api/v1`: whoever can read its file runs this Entente.

use std::fmt;

use model::Outside;
use ring::hmac;
use zeroize::Zeroizing;

use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::files::{self, PRIVATE_FILE};

/// 32 random bytes as 64 hexadecimal digits.
pub struct Token(Zeroizing<String>);

impl Token {
    /// The directory's token, made on first use.
    pub fn load_or_make(dir: &DataDir, outside: &Outside) -> Result<Token, Failure> {
        if let Some(token) = Token::load(dir)? {
            return Ok(token);
        }
        let token = Token(Zeroizing::new(hex::encode(outside.random::<32>())));
        let path = dir.admin_token();
        files::write_synced(&path, format!("{}\n", *token.0).as_bytes(), PRIVATE_FILE)
            .map_err(|error| Failure::io(Exit::Storage, "write", &path, &error))?;
        Ok(token)
    }

    /// The directory's token, if there is one.
    pub fn load(dir: &DataDir) -> Result<Option<Token>, Failure> {
        let path = dir.admin_token();
        let text = files::read_if_there(&path).map_err(|error| Failure::io(Exit::Storage, "read", &path, &error))?;
        let Some(text) = text.map(Zeroizing::new) else { return Ok(None) };
        let digits = text.trim();
        if digits.len() != 64 || hex::decode(digits).is_err() {
            let why = format!(
                "`{}` does not hold 64 hexadecimal digits: remove it and start again, a new one is made",
                path.display()
            );
            return Err(Failure::new(Exit::Storage, why));
        }
        Ok(Some(Token(Zeroizing::new(digits.to_owned()))))
    }

    /// Is this the token? Takes the same time wherever the two differ: what is compared are digests
    /// under a key that nobody outside this process knows.
    pub fn matches(&self, offered: &str, blind: &hmac::Key) -> bool {
        let wanted = hmac::sign(blind, self.0.as_bytes());
        hmac::verify(blind, offered.as_bytes(), wanted.as_ref()).is_ok()
    }

    /// For the one who sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
