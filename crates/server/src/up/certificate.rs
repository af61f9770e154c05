//! The certificate of both doors: the operator's, or one made for trying things out.
//!
//! Files are looked at again every few seconds, so that a certificate is renewed without a restart;
//! what is no good pair leaves the old one in force.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tls::{Development, Files, Loaded, Server};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Pair};
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::files::{self, PRIVATE_FILE};

/// Renewals come weeks before the end; whoever renews by hand is not kept waiting.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// What anyone may read.
const PUBLIC_FILE: u32 = 0o644;

/// TLS as it is set up.
pub struct Encryption {
    pub server: Server,
    /// What the command line trusts.
    pub certificate: PathBuf,
    /// What clients are told to trust, if it is nobody's they know.
    pub authority: Option<PathBuf>,
}

/// Opens what the settings name; makes what is for trying things out.
pub fn open(config: &Config, dir: &DataDir) -> Result<Option<Encryption>, Failure> {
    let Some(wanted) = &config.tls else { return Ok(None) };
    let (files, authority) = match &wanted.pair {
        Pair::Files(files) => (files.clone(), None),
        Pair::Development => development(dir, &names(config))?,
    };
    let certificate = files.certificate.clone();
    let server =
        Server::open(files, wanted.profile).map_err(|error| Failure::new(Exit::Usage, format!("TLS: {error}")))?;
    Ok(Some(Encryption { server, certificate, authority }))
}

/// Serves what the files hold from now on, until `stop`.
pub async fn follow(server: Server, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        // Two small files; a disk that hangs must not hang the doors.
        let server = server.clone();
        match tokio::task::spawn_blocking(move || server.refresh()).await {
            Ok(Ok(Loaded::Anew)) => tracing::info!("the TLS certificate was replaced"),
            Ok(Ok(Loaded::AsBefore)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the TLS certificate was not replaced: the one before is served"),
            Err(error) => tracing::warn!(%error, "the TLS certificate was not looked at"),
        }
    }
}

/// Where this machine's programs may reach the doors.
fn names(config: &Config) -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let listen = config.s3_listen.ip().to_canonical();
    if !listen.is_unspecified() && !names.contains(&listen.to_string()) {
        names.push(listen.to_string());
    }
    for domain in &config.s3_domains {
        names.push(domain.clone());
        // Nobody takes a wildcard for what stands right under the root of names.
        names.extend(domain.contains('.').then(|| format!("*.{domain}")));
    }
    names
}

/// The files of the data directory, made anew when they are not there or not for all of the names.
fn development(dir: &DataDir, names: &[String]) -> Result<(Files, Option<PathBuf>), Failure> {
    let folder = dir.development_tls();
    let files = Files { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    let authority = folder.join("ca.pem");
    let kept = [&files.certificate, &files.key, &authority].into_iter().all(|path| path.exists())
        && fs::read(&files.certificate).is_ok_and(|text| tls::covers(&files.certificate, &text, names));
    if !kept {
        let made = Development::for_names(names).map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        let written = |error: &std::io::Error| Failure::io(Exit::Storage, "write the certificate in", &folder, error);
        files::make_dir_synced(&folder).map_err(|error| written(&error))?;
        // Gone first: what a crash leaves half done is no certificate, and is made anew.
        files::remove_if_there(&files.certificate).map_err(|error| written(&error))?;
        let texts = [
            (&authority, made.authority.as_bytes(), PUBLIC_FILE),
            (&files.key, made.key.as_bytes(), PRIVATE_FILE),
            (&files.certificate, made.certificate.as_bytes(), PUBLIC_FILE),
        ];
        for (path, text, mode) in texts {
            files::write_synced(path, text, mode).map_err(|error| written(&error))?;
        }
        tracing::info!(authority = %authority.display(), "made a certificate for trying things out");
    }
    Ok((files, Some(authority)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::data_dir::tests::scratch;

    #[test]
    fn what_is_for_trying_things_out_is_made_once_and_anew_for_other_names() {
        let dir = DataDir::at(scratch("tls"));
        let names = |more: &[&str]| [&["localhost"], more].concat().iter().map(|name| (*name).to_owned()).collect();
        let made = |names: Vec<String>| {
            let (files, authority) = development(&dir, &names).unwrap();
            let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&files.key), mode(&authority.unwrap())), (PRIVATE_FILE, PUBLIC_FILE));
            assert!(Server::open(files.clone(), tls::Profile::Cnsa2).is_ok());
            fs::read(files.certificate).unwrap()
        };
        let first = made(names(&[]));
        assert_eq!(made(names(&[])), first);
        let wider = made(names(&["192.0.2.1"]));
        assert_ne!(wider, first);
        assert_eq!(made(names(&[])), wider);
        // As a crash in the middle leaves it.
        fs::remove_file(dir.development_tls().join("certificate.pem")).unwrap();
        assert_ne!(made(names(&[])), wider);
        fs::remove_dir_all(dir.path()).unwrap();
    }
}
