//! Where the running process can be reached: `run.json` in the data directory.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data_dir::DataDir;
use crate::failure::{Exit, Failure};
use crate::files::{self, PRIVATE_FILE};
use crate::lock::{self, Holder};

/// What a running `entente up` tells the other subcommands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunFile {
    pub pid: u32,
    pub version: String,
    pub region: String,
    pub s3_endpoint: String,
    /// Where clients elsewhere reach it, where the settings say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_endpoint_elsewhere: Option<String>,
    pub admin_endpoint: String,
    /// Where the console is opened.
    #[serde(default)]
    pub console_endpoint: String,
    /// Whose certificate the admin endpoint shows, if that speaks TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<PathBuf>,
}

impl RunFile {
    pub fn write(&self, dir: &DataDir) -> Result<(), Failure> {
        let path = dir.run_file();
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot write `{}`: {error}", path.display())))?;
        text.push('\n');
        files::write_synced(&path, text.as_bytes(), PRIVATE_FILE)
            .map_err(|error| Failure::io(Exit::Storage, "write", &path, &error))
    }

    /// The process that runs on this directory. A file that a killed process left behind is not
    /// believed: only whoever holds the lock runs, and the admin token goes to nobody else.
    pub fn of_running(dir: &DataDir) -> Result<RunFile, Failure> {
        let place = dir.path().display();
        let not_running = |why: String| Failure::new(Exit::NotRunning, why);
        let pid = match lock::holder(dir) {
            Holder::Process(pid) => pid.unwrap_or_else(|| "unknown".to_owned()),
            Holder::Nobody => {
                return Err(not_running(format!("no Entente runs on `{place}`: start one with `entente up`")));
            }
        };
        let path = dir.run_file();
        let text = files::read_if_there(&path).map_err(|error| Failure::io(Exit::Storage, "read", &path, &error))?;
        let run: Option<RunFile> = text.and_then(|text| serde_json::from_str(&text).ok());
        run.filter(|run| run.pid.to_string() == pid).ok_or_else(|| {
            not_running(format!("process {pid} on `{place}` is just starting or stopping: try again in a moment"))
        })
    }

    pub fn remove(dir: &DataDir) -> Result<(), Failure> {
        let path = dir.run_file();
        files::remove_if_there(&path).map_err(|error| Failure::io(Exit::Storage, "remove", &path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_dir::tests::scratch;

    fn run_of(pid: u32) -> RunFile {
        RunFile {
            pid,
            version: "0".into(),
            region: "us-east-1".into(),
            s3_endpoint: "http://127.0.0.1:1".into(),
            s3_endpoint_elsewhere: None,
            admin_endpoint: "http://127.0.0.1:2".into(),
            console_endpoint: "http://127.0.0.1:3".into(),
            tls_certificate: None,
        }
    }

    #[test]
    fn what_a_killed_process_left_behind_is_not_believed() {
        let dir = DataDir::at(scratch("run"));
        run_of(std::process::id()).write(&dir).unwrap();
        assert_eq!(RunFile::of_running(&dir).unwrap_err().exit, Exit::NotRunning);
        let held = lock::take(&dir).unwrap();
        assert_eq!(RunFile::of_running(&dir).unwrap().admin_endpoint, "http://127.0.0.1:2");
        run_of(std::process::id() + 1).write(&dir).unwrap();
        assert!(RunFile::of_running(&dir).unwrap_err().to_string().contains("try again"));
        drop(held);
        std::fs::remove_dir_all(dir.path()).unwrap();
    }
}
