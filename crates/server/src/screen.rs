//! What `up` says on stdout when it is ready: one line of JSON, or the first screen.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;

use crate::args::Method;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::owner::Written;
use crate::sigv4::{self, EXPIRES_MAX_SECONDS, Presign};

/// The bucket and key of the commands on the first screen.
const BUCKET: &str = "first-light";
const KEY: &str = "hosts";
/// A small file that every machine has.
const FILE: &str = "/etc/hosts";

/// Where everything is, once it is ready.
pub struct Ready<'a> {
    pub config: &'a Config,
    pub s3_endpoint: &'a str,
    pub admin_endpoint: &'a str,
    pub console_endpoint: &'a str,
    /// Of a certificate for trying things out: what clients must be told to trust.
    pub authority: Option<&'a Path>,
    /// Of the embedded default.
    pub owner: Option<(&'a Credentials, Written)>,
    /// Unless it was taken away.
    pub officer: Option<(&'a Credentials, Written)>,
    /// How the shell that shows this calls this program.
    pub program: &'a str,
    pub audience: Audience,
    pub at: OffsetDateTime,
}

/// Who reads stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// A person at a terminal: secrets may be shown.
    Terminal,
    /// A file, a pipe or a journal: no secret, and no URL that stands for one.
    Record,
}

/// The one line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    s3_endpoint: &'a str,
    region: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_key: Option<&'a str>,
    admin_endpoint: &'a str,
    console_url: &'a str,
    /// The file with the security officer's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    officer_credentials: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_authority: Option<String>,
    data_dir: String,
    pid: u32,
    version: &'a str,
}

impl Ready<'_> {
    /// One line of JSON. It holds the secret: it is for the program that started this one.
    pub fn json(&self) -> String {
        let line = Line {
            s3_endpoint: self.s3_endpoint,
            region: &self.config.region,
            access_key: self.owner.map(|(key, _)| key.access_key.as_str()),
            secret_key: self.owner.map(|(key, _)| key.secret_key.as_str()),
            admin_endpoint: self.admin_endpoint,
            console_url: self.console_endpoint,
            officer_credentials: self.officer.map(|_| self.config.dir().officer().display().to_string()),
            tls_authority: self.authority.map(|path| path.display().to_string()),
            data_dir: self.config.data_dir.display().to_string(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION"),
        };
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }

    /// The first screen.
    pub fn text(&self) -> String {
        let mut text = format!(
            "Entente is ready. Ctrl-C finishes what was begun and stops.\n\n  \
             S3 endpoint  {}  (region {})\n  console      {}\n  data         {}\n",
            self.s3_endpoint,
            self.config.region,
            self.console_endpoint,
            self.config.data_dir.display()
        );
        if let Some(authority) = self.authority {
            let _ = writeln!(text, "  trust        {}", quoted(&authority.display().to_string()));
        }
        match self.owner {
            Some((key, written)) => self.commands(&mut text, key, written),
            None => self.next_steps(&mut text),
        }
        text
    }

    fn commands(&self, text: &mut String, key: &Credentials, written: Written) {
        let credentials = quoted(&self.config.dir().credentials().display().to_string());
        let officer = quoted(&self.config.dir().officer().display().to_string());
        let _ = writeln!(text, "  keys         {credentials}\n  officer      {officer}  (says who may use this)");
        if (written, self.audience) == (Written::Now, Audience::Terminal) {
            let _ = writeln!(text, "  access key   {}", key.access_key);
            let _ = writeln!(text, "  secret key   {}  (shown this once)", *key.secret_key);
        }
        let authority = self.authority.map(|path| quoted(&path.display().to_string()));
        let curl = authority.as_deref().map_or_else(|| "curl".to_owned(), |file| format!("curl --cacert {file}"));
        let aws = format!("aws --endpoint-url {} s3", self.s3_endpoint);
        let _ = write!(
            text,
            "\nWith aws, in another terminal:\n\n  \
             export AWS_SHARED_CREDENTIALS_FILE={credentials}\n  {}\
             {aws} mb s3://{BUCKET}\n  \
             {aws} cp {FILE} s3://{BUCKET}/{KEY}\n  \
             {aws} cp s3://{BUCKET}/{KEY} -\n\n\
             With curl alone{}:\n\n  \
             {curl} -X PUT {}\n  \
             {curl} -T {FILE} {}\n  \
             {curl} {}\n",
            authority.as_deref().map(|file| format!("export AWS_CA_BUNDLE={file}\n  ")).unwrap_or_default(),
            if self.audience == Audience::Terminal { " (these links hold for 7 days)" } else { "" },
            self.link(key, Method::Put, ""),
            self.link(key, Method::Put, KEY),
            self.link(key, Method::Get, KEY),
        );
    }

    /// A presigned URL; where it would be kept, the command that makes one.
    fn link(&self, key: &Credentials, method: Method, object: &str) -> String {
        let slash = if object.is_empty() { "" } else { "/" };
        if self.audience == Audience::Record {
            let name = method.name().to_lowercase();
            let dir = quoted(&self.config.data_dir.display().to_string());
            return format!(
                "\"$({} presign {name} s3://{BUCKET}{slash}{object} --data-dir {dir})\"",
                quoted(self.program)
            );
        }
        let what = Presign {
            method: method.name(),
            endpoint: self.s3_endpoint,
            region: &self.config.region,
            path: &format!("/{BUCKET}{slash}{object}"),
            expires_seconds: EXPIRES_MAX_SECONDS,
            at: self.at,
        };
        format!("'{}'", sigv4::presign(&what, key))
    }

    /// Of an enclave with a configuration: nobody uses data until the security officer says who may.
    fn next_steps(&self, text: &mut String) {
        let program = quoted(self.program);
        if let Some((key, written)) = self.officer {
            let file = quoted(&self.config.dir().officer().display().to_string());
            let _ = writeln!(text, "  officer      {file}");
            if (written, self.audience) == (Written::Now, Audience::Terminal) {
                let _ = writeln!(text, "  access key   {}", key.access_key);
                let _ = writeln!(text, "  secret key   {}  (shown this once)", *key.secret_key);
            }
            text.push_str("\nThe file holds the security officer's key: give it to them, and remove it here.\n");
        }
        let _ = write!(
            text,
            "\nThe security officer says who may use this, with --as FILE or while the file lies there:\n\n  \
             {program} user create NAME --clearance LABEL --config FILE\n  \
             {program} key create --user NAME --label LABEL --config FILE\n"
        );
    }
}

/// As a shell reads it back: plain words stay as they are.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use time::macros::datetime;
    use zeroize::Zeroizing;

    use super::*;
    use crate::args::{Args, Command};

    const SECRET: &str = "the-secret";

    fn check(written: Written, audience: Audience, see: impl Fn(&str)) {
        let args = Args::try_parse_from(["entente", "up", "--data-dir", "/tmp/my data"]).unwrap();
        let Command::Up(up) = args.command else { panic!("not up") };
        let config = Config::of(&up).unwrap();
        let key = Credentials { access_key: "ENTE1".into(), secret_key: Zeroizing::new(SECRET.into()) };
        let ready = Ready {
            config: &config,
            s3_endpoint: "http://127.0.0.1:9000",
            admin_endpoint: "http://127.0.0.1:9001",
            console_endpoint: "http://127.0.0.1:9002",
            authority: None,
            owner: Some((&key, written)),
            officer: Some((&key, Written::Before)),
            program: "target/release/entente",
            audience,
            at: datetime!(2026-11-22 00:00:00 UTC),
        };
        see(&ready.text());
    }

    #[test]
    fn the_secret_is_shown_once_and_only_on_a_terminal() {
        check(Written::Now, Audience::Terminal, |text| assert!(text.contains(SECRET)));
        check(Written::Before, Audience::Terminal, |text| assert!(!text.contains(SECRET)));
        check(Written::Now, Audience::Record, |text| assert!(!text.contains(SECRET)));
    }

    #[test]
    fn a_record_holds_no_link_that_stands_for_a_key() {
        check(Written::Now, Audience::Terminal, |text| assert_eq!(text.matches("X-Amz-Signature=").count(), 3));
        check(Written::Now, Audience::Record, |text| {
            assert!(!text.contains("X-Amz-Signature"));
            let get = "curl \"$(target/release/entente presign get s3://first-light/hosts --data-dir '/tmp/my data')\"";
            assert!(text.contains(get), "{text}");
        });
    }
}
