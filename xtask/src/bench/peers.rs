//! Other programs with an S3 door, each started as its own pages say, on fresh directories of the same
//! disk.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::server::{Server, scratch};
use crate::sign::Signer;

const ACCESS: &str = "AKIABESIDETHEPEERS";
const SECRET: &str = "a-secret-of-no-worth";
const REGION: &str = "us-east-1";
/// SeaweedFS elects a master first.
const READY: Duration = Duration::from_secs(60);
/// Folders under rclone's union, each with a copy of everything.
const COPIES: usize = 3;

/// Where the programs are.
pub struct Programs {
    pub entente: PathBuf,
    /// The directory of `weed` and `rclone`.
    pub peers: PathBuf,
}

/// One program in the contest.
pub struct Contender {
    pub name: &'static str,
    /// What stands on the disk when a put is acknowledged.
    pub synced: &'static str,
    /// What a put leaves behind.
    pub kept: &'static str,
    pub start: fn(&Programs) -> Result<Server>,
}

/// Ours first: the others are its measure.
pub const CONTENDERS: [Contender; 4] = [
    Contender { name: "Entente", synced: "all of it", kept: "2+2 at four sites, encrypted", start: entente },
    Contender { name: "SeaweedFS", synced: "nothing", kept: "one copy", start: seaweedfs },
    Contender { name: "rclone, folder", synced: "nothing", kept: "one copy", start: folder },
    Contender { name: "rclone, crypt over union", synced: "nothing", kept: "three copies, encrypted", start: union },
];

fn entente(programs: &Programs) -> Result<Server> {
    Server::start(&programs.entente)
}

fn seaweedfs(programs: &Programs) -> Result<Server> {
    let directory = scratch(&programs.entente, "seaweedfs")?;
    let keys = json!([{ "accessKey": ACCESS, "secretKey": SECRET }]);
    let identity = json!({ "name": "bench", "credentials": keys, "actions": ["Admin", "Read", "Write", "List"] });
    let config = directory.join("s3.json");
    fs::write(&config, json!({ "identities": [identity] }).to_string())?;
    let ports = ports::<8>()?;
    let [master, master_rpc, volume, volume_rpc, filer, filer_rpc, s3, s3_rpc] = ports;
    let mut command = Command::new(programs.peers.join("weed"));
    command.args(["-logtostderr=true", "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
    command.arg(format!("-dir={}", directory.display())).arg(format!("-s3.config={}", config.display()));
    command.args(["-volume.max=100", "-master.volumeSizeLimitMB=1024", "-master.telemetry=false"]);
    command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.arg(format!("-master.port={master}")).arg(format!("-master.port.grpc={master_rpc}"));
    command.arg(format!("-volume.port={volume}")).arg(format!("-volume.port.grpc={volume_rpc}"));
    command.arg(format!("-filer.port={filer}")).arg(format!("-filer.port.grpc={filer_rpc}"));
    command.arg(format!("-s3.port={s3}")).arg(format!("-s3.port.grpc={s3_rpc}"));
    begin(command, directory, s3)
}

fn folder(programs: &Programs) -> Result<Server> {
    let directory = scratch(&programs.entente, "rclone-folder")?;
    let data = directory.join("data");
    fs::create_dir(&data)?;
    rclone(programs, directory, "", &data.display().to_string())
}

fn union(programs: &Programs) -> Result<Server> {
    let directory = scratch(&programs.entente, "rclone-union")?;
    let folders = (0..COPIES).map(|number| directory.join(format!("copy-{number}"))).collect::<Vec<_>>();
    folders.iter().try_for_each(fs::create_dir)?;
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let obscured = Command::new(programs.peers.join("rclone")).args(["obscure", SECRET]).output()?;
    let config = format!(
        "[three]\ntype = union\nupstreams = {}\naction_policy = all\ncreate_policy = all\nsearch_policy = ff\n\
         [sealed]\ntype = crypt\nremote = three:\npassword = {}\n",
        folders.join(" "),
        String::from_utf8_lossy(&obscured.stdout).trim()
    );
    rclone(programs, directory, &config, "sealed:")
}

/// `rclone serve s3` over a remote.
fn rclone(programs: &Programs, directory: PathBuf, config: &str, remote: &str) -> Result<Server> {
    let settings = directory.join("rclone.conf");
    fs::write(&settings, config)?;
    let [port] = ports()?;
    let mut command = Command::new(programs.peers.join("rclone"));
    command.args(["serve", "s3", "--auth-key"]).arg(format!("{ACCESS},{SECRET}"));
    command.arg("--config").arg(&settings).arg("--addr").arg(format!("127.0.0.1:{port}")).arg(remote);
    begin(command, directory, port)
}

/// Starts it, and waits until its door opens; what it says goes to a file beside its data.
fn begin(mut command: Command, directory: PathBuf, port: u16) -> Result<Server> {
    let log = directory.join("log");
    let file = File::create(&log)?;
    let child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let host = format!("127.0.0.1:{port}");
    let signer = Signer { access: ACCESS.into(), secret: SECRET.into(), region: REGION.into(), host };
    let mut server = Server::of(child, directory, signer);
    let began = Instant::now();
    while !server.door().request("GET", "/", "", &[]).is_ok_and(|answer| answer.status == 200) {
        if server.has_ended()? || began.elapsed() > READY {
            bail!("{} did not get ready:\n{}", command.get_program().display(), last_words(&log)?);
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(server)
}

fn last_words(log: &Path) -> Result<String> {
    let text = fs::read_to_string(log)?;
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines.get(lines.len().saturating_sub(10)..).unwrap_or_default().join("\n"))
}

/// Ports nobody listens on now.
fn ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    // All held until the last is found, so that none is given twice.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
