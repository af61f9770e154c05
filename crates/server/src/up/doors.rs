//! The addresses: bound early, so that one that is taken is told before anything changes.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::config::{Config, DEFAULT_CONSOLE_LISTEN};
use crate::failure::{Exit, Failure};

/// How long S3 requests under way may take when the door closes; what they began is shown after it.
const DRAIN_TIME: Duration = Duration::from_secs(20);

/// The listeners. Until they are served, clients wait in their queues.
pub struct Doors {
    pub s3: TcpListener,
    pub admin: TcpListener,
    pub console: TcpListener,
}

/// Their URLs, as clients on this machine reach them.
pub struct Endpoints {
    pub s3: String,
    pub admin: String,
    pub console: String,
}

impl Doors {
    pub async fn bind(config: &Config) -> Result<Doors, Failure> {
        let s3 = bind(config.s3_listen, "s3-listen").await?;
        let admin = bind(config.admin_listen, "admin-listen").await?;
        let console = match config.console_listen {
            Some(address) => bind(address, "console-listen").await?,
            None => match TcpListener::bind(DEFAULT_CONSOLE_LISTEN).await {
                Ok(listener) => listener,
                Err(_) => bind(SocketAddr::new(DEFAULT_CONSOLE_LISTEN.ip(), 0), "console-listen").await?,
            },
        };
        Ok(Doors { s3, admin, console })
    }

    pub fn endpoints(&self, encrypted: bool) -> Result<Endpoints, Failure> {
        let scheme = if encrypted { "https" } else { "http" };
        let url = |listener: &TcpListener| {
            let address = listener.local_addr();
            let address = address.map_err(|error| Failure::new(Exit::Listen, format!("cannot listen: {error}")))?;
            Ok(format!("{scheme}://{}", reachable(address)))
        };
        Ok(Endpoints { s3: url(&self.s3)?, admin: url(&self.admin)?, console: url(&self.console)? })
    }
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::AddrInUse => format!(
                "{address} is in use by another program: stop that, or choose another with --{flag} ({}:0 takes any free port)",
                host(address.ip())
            ),
            io::ErrorKind::AddrNotAvailable => {
                format!("{address} is no address of this machine: choose another with --{flag}")
            }
            io::ErrorKind::PermissionDenied => {
                format!("{address} may not be listened on by this user: choose a port above 1023 with --{flag}")
            }
            _ => format!("cannot listen on {address}: {error}"),
        };
        Failure::new(Exit::Listen, why)
    })
}

/// "Every address" is no address to connect to: loopback is.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// What the S3 door is told.
pub fn settings(config: &Config, tls: Option<tls::Server>, console: &str) -> s3::Settings {
    s3::Settings {
        region: config.region.clone(),
        domains: config.s3_domains.clone(),
        console_origins: origins(console),
        tls,
        limits: s3::Limits { drain_time: DRAIN_TIME, ..s3::Limits::default() },
    }
}

/// What a browser may call the console's page: it is reached by its address and, on loopback, by name.
fn origins(console: &str) -> Vec<String> {
    let named = |(scheme, address): (&str, &str)| {
        let (_, port) = address.rsplit_once(':')?;
        Some(format!("{scheme}://localhost:{port}"))
    };
    [Some(console.to_owned()), console.split_once("://").and_then(named)].into_iter().flatten().collect()
}
