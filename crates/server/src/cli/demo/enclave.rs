//! The enclave of a demo: a child process in a directory that is gone afterwards, or one that runs already.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use time::OffsetDateTime;
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use super::super::Output;
use super::content::File;
use super::{Told, moved};
use crate::api::wire::IssuedKey;
use crate::args::PlaceArgs;
use crate::config::{Config, Kind};
use crate::credentials::Credentials;
use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::run_file::RunFile;
use crate::sigv4::{self, Presign};

/// How long the links of a demo hold.
const LINK_SECONDS: u32 = 900;

pub struct Enclave {
    dir: DataDir,
    /// Where it lies alone, to be removed with everything in it.
    root: Option<PathBuf>,
    child: Option<Child>,
    run: RunFile,
}

/// Somebody's key, and the label of its sessions.
pub struct Key {
    pub user: &'static str,
    pub label: String,
    pub credentials: Credentials,
}

impl Enclave {
    /// One of the demo's own.
    pub fn start() -> Result<Enclave, Failure> {
        let root = std::env::temp_dir().join(format!("entente-demo-{}", std::process::id()));
        fs::create_dir(&root).map_err(|error| Failure::io(Exit::Failed, "create", &root, &error))?;
        let dir = DataDir::at(root.join("data"));
        let mut command = program()?;
        command.args(["up", "--json", "--s3-listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path());
        let log = root.join("log");
        let file = fs::File::create(&log).map_err(|error| Failure::io(Exit::Failed, "create", &log, &error))?;
        command.env("ENTENTE_LOG", "info").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let child = command.spawn().map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
        let mut enclave = Enclave { run: nowhere(), dir, root: Some(root), child: Some(child) };
        if let Err(failure) = enclave.wait_until_ready() {
            let said = fs::read_to_string(&log).unwrap_or_default();
            // The log goes with the directory.
            let _ = enclave.end();
            return Err(Failure::new(failure.exit, format!("{failure}\n{said}")));
        }
        Ok(enclave)
    }

    fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let stdout = self.child.as_mut().and_then(|child| child.stdout.take());
        let mut line = String::new();
        if let Some(stdout) = stdout {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(|error| Failure::new(Exit::Failed, format!("cannot hear the enclave: {error}")))?;
        }
        if line.is_empty() {
            return Err(Failure::new(Exit::Failed, "the demo's enclave did not start; it said:"));
        }
        self.run = RunFile::of_running(&self.dir)?;
        Ok(())
    }

    /// One that runs already and that is of directories, which can be taken away and put back.
    pub fn running(place: &PlaceArgs) -> Result<Enclave, Failure> {
        let config = Config::of_place(place)?;
        if config.kind != Kind::Embedded {
            let why = "the demo moves sites away: it is for an enclave of `entente up` without a configuration";
            return Err(Failure::new(Exit::Usage, why));
        }
        let dir = config.dir();
        let run = RunFile::of_running(&dir)?;
        Ok(Enclave { dir, root: None, child: None, run })
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn console_url(&self) -> Option<String> {
        Some(self.run.console_endpoint.clone()).filter(|url| !url.is_empty())
    }

    pub fn place(&self) -> PlaceArgs {
        PlaceArgs { data_dir: Some(self.dir().to_owned()), config: None }
    }

    /// Runs a command of this program on the enclave, and shows both it and what it says.
    pub fn command(&self, told: &Told, arguments: &[&str]) -> Result<(), Failure> {
        let shown =
            arguments.iter().map(|word| if word.contains(' ') { format!("'{word}'") } else { (*word).to_owned() });
        told.say(&format!("  $ entente {}", shown.collect::<Vec<_>>().join(" ")))?;
        let said = self.said(arguments)?;
        // Of a table with one row nothing is new; a longer one is what it is for.
        if arguments == ["status"] {
            told.say(&said.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))?;
        }
        Ok(())
    }

    pub fn said(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = program()?;
        command.args(arguments).arg("--data-dir").arg(self.dir()).env_remove("ENTENTE_AS").stdin(Stdio::null());
        let output = command.output();
        let output = output.map_err(|error| Failure::new(Exit::Failed, format!("cannot run a command: {error}")))?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Failure::new(Exit::Failed, format!("`entente {}` failed: {why}", arguments.join(" "))));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub fn key(&self, user: &'static str, label: &str) -> Result<Key, Failure> {
        let said = self.said(&["key", "create", "--user", user, "--label", label, "--json"])?;
        let IssuedKey { access_key, secret_key, .. } = serde_json::from_str(&said)
            .map_err(|error| Failure::new(Exit::Failed, format!("the answer is not understood: {error}")))?;
        let credentials = Credentials { access_key, secret_key: Zeroizing::new(secret_key) };
        Ok(Key { user, label: label.to_owned(), credentials })
    }

    pub fn make(&self, bucket: &str, key: &Key) -> Result<(), Failure> {
        self.ask("PUT", &format!("/{bucket}"), key, &[]).map(drop)
    }

    pub fn put(&self, file: &File, key: &Key) -> Result<(), Failure> {
        self.ask("PUT", &format!("/{}/{}", file.bucket, file.key), key, &file.content).map(drop)
    }

    pub fn get(&self, file: &File, key: &Key) -> Result<Bytes, Failure> {
        self.ask("GET", &format!("/{}/{}", file.bucket, file.key), key, &[])
    }

    /// A bucket, or one of its objects.
    pub fn delete(&self, what: &str, key: &Key) -> Result<(), Failure> {
        self.ask("DELETE", &format!("/{what}"), key, &[]).map(drop)
    }

    /// Whether it was started for the demo, and goes with it.
    pub const fn is_own(&self) -> bool {
        self.root.is_some()
    }

    /// One request to the S3 door, by a presigned link.
    fn ask(&self, method: &'static str, path: &str, key: &Key, body: &[u8]) -> Result<Bytes, Failure> {
        let endpoint = &self.run.s3_endpoint;
        let what = Presign {
            method,
            endpoint,
            region: &self.run.region,
            path,
            expires_seconds: LINK_SECONDS,
            at: OffsetDateTime::now_utc(),
        };
        let link = sigv4::presign(&what, &key.credentials);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
        let failed = |why: String| Failure::new(Exit::Failed, format!("{method} {path}: {why}"));
        runtime.block_on(exchange(method, endpoint, &link, Bytes::copy_from_slice(body))).map_err(failed)
    }

    fn site(&self, name: &str) -> PathBuf {
        self.dir().join("sites").join(name)
    }

    fn away(&self, name: &str) -> PathBuf {
        self.dir().join(format!("{name}-taken-away"))
    }

    pub fn take_away(&self, name: &str) -> Result<(), Failure> {
        moved(&self.site(name), &self.away(name))
    }

    /// Does nothing where it is there.
    pub fn put_back(&self, name: &str) -> Result<(), Failure> {
        if self.away(name).exists() { moved(&self.away(name), &self.site(name)) } else { Ok(()) }
    }

    /// Leaves everything running, and says how to go on.
    pub fn keep(mut self, output: Output) -> Result<(), Failure> {
        let pid = self.run.pid;
        let dir = self.dir().display();
        let console = self.console_url().map(|url| format!("the console at {url}, ")).unwrap_or_default();
        output.talk(&format!(
            "\nIt goes on running: S3 at {}, {console}`entente status --data-dir {dir}`; end it with `kill {pid}`, and remove {}.",
            self.run.s3_endpoint,
            self.root.as_deref().unwrap_or(self.dir()).display()
        ));
        (self.root, self.child) = (None, None);
        Ok(())
    }

    /// Ends what was started, and removes its directory. What ran before goes on.
    pub fn end(mut self) -> Result<(), Failure> {
        self.stop();
        match self.root.take() {
            Some(root) => fs::remove_dir_all(&root).map_err(|error| Failure::io(Exit::Failed, "remove", &root, &error)),
            None => Ok(()),
        }
    }

    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // In order if it can be; what it holds is removed in any case.
        let asked = Command::new("kill").arg(child.id().to_string()).stderr(Stdio::null()).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = child.kill();
        }
        let _ = child.wait();
    }
}

/// Whatever ends a demo but a `kill -9`, its enclave does not outlive it, unless it was kept.
impl Drop for Enclave {
    fn drop(&mut self) {
        self.stop();
        if let Some(root) = self.root.take() {
            let _ = fs::remove_dir_all(root);
        }
    }
}

fn nowhere() -> RunFile {
    RunFile {
        pid: 0,
        version: String::new(),
        region: String::new(),
        s3_endpoint: String::new(),
        s3_endpoint_elsewhere: None,
        admin_endpoint: String::new(),
        console_endpoint: String::new(),
        tls_certificate: None,
    }
}

/// This very program. Ctrl-C is not for it but for the demo alone, which cleans up in order.
fn program() -> Result<Command, Failure> {
    let path = std::env::current_exe();
    let path = path.map_err(|error| Failure::new(Exit::Failed, format!("cannot find this program: {error}")))?;
    let mut command = Command::new(path);
    command.process_group(0);
    Ok(command)
}

async fn exchange(method: &str, endpoint: &str, link: &str, body: Bytes) -> Result<Bytes, String> {
    let place = endpoint.strip_prefix("http://").ok_or("the demo speaks plain HTTP on this machine only")?;
    let tcp = TcpStream::connect(place).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(tcp)).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let target = link.strip_prefix(endpoint).ok_or("the link leads elsewhere")?;
    let request = Request::builder().method(method).uri(target).header("host", place).body(Full::new(body));
    let answer = sender.send_request(request.map_err(|error| error.to_string())?).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    if status.is_success() { Ok(body) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body))) }
}
