//! The program under load, on a directory of its own that goes with it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::client::Door;
use crate::sign::Signer;

pub struct Server {
    child: Child,
    directory: PathBuf,
    door: Door,
}

impl Server {
    /// Starts it on a fresh directory beside the build, so on the disk that is measured.
    pub fn start(binary: &Path) -> Result<Server> {
        let directory = scratch(binary, "entente")?;
        let mut child = Command::new(binary)
            .args(["up", "--json", "--s3-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .args(["--console-listen", "127.0.0.1:0", "--log", "warn"])
            .arg("--data-dir")
            .arg(&directory)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line).context("it did not get ready")?;
        let text = |name: &str| ready.get(name).and_then(Value::as_str).map(str::to_owned).context(name.to_owned());
        let signer = Signer {
            access: text("access_key")?,
            secret: text("secret_key")?,
            region: text("region")?,
            host: text("s3_endpoint")?.trim_start_matches("http://").to_owned(),
        };
        Ok(Server::of(child, directory, signer))
    }

    /// A running program with its data in `directory`.
    pub fn of(child: Child, directory: PathBuf, signer: Signer) -> Server {
        Server { child, directory, door: Door { signer } }
    }

    pub fn door(&self) -> Door {
        self.door.clone()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    pub fn stop(mut self) -> Result<()> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        self.child.wait()?;
        Ok(fs::remove_dir_all(&self.directory)?)
    }
}

/// A bench that fails leaves no program running.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A fresh directory on the disk of the build.
pub fn scratch(near: &Path, name: &str) -> Result<PathBuf> {
    let parent = near.parent().context("the binary has no directory")?;
    let directory = parent.join(format!("bench-{name}-{}", std::process::id()));
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir(&directory)?;
    Ok(directory)
}
