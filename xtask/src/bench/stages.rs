//! What one core, the disk and the loopback of this machine do at most, stage by stage, through the
//! same code the program runs.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use coding::digest::{Digests, Kind};
use coding::{BodyKey, Encoder, Identity, Last, Sealer, chunk};
use model::{BodyId, Code, EnclaveId, Epoch, KeyTag, SegmentId, SegmentKind, StreamId};

use crate::client::{Door, Keep};
use crate::server::scratch;
use crate::sign::Signer;
use crate::work::{as_f64, noise};

const RUN: Duration = Duration::from_secs(1);
/// The code of the default profile.
pub const CODE: Code = Code { k: 2, m: 2 };
const CELLS: usize = 256;

/// Rates of one core in bytes a second, unless a name says otherwise.
pub struct Stages {
    pub cores: usize,
    pub md5: f64,
    pub seal: f64,
    pub open: f64,
    /// Of payload, with the BLAKE3 of every cell of every piece.
    pub encode: f64,
    /// Of what is hashed.
    pub blake3: f64,
    /// Sequential writes with one fsync at the end, bytes a second of the disk.
    pub disk: f64,
    /// Seconds to append 4 KiB to one file and sync it.
    pub append_s: f64,
    /// Seconds to make a file in each of four directories at once, each file and directory synced.
    pub pieces_s: f64,
    /// Bytes a second over loopback through a bare HTTP server, both ends on this machine.
    pub upload: f64,
    pub download: f64,
    /// Requests a second of the bare server answering 4 KiB to 16 clients.
    pub requests: f64,
}

impl Stages {
    pub fn measure() -> Result<Stages> {
        let directory = scratch(&std::env::current_exe()?, "stages")?;
        let (upload, download, requests) = loopback()?;
        let stages = Stages {
            cores: thread::available_parallelism()?.get(),
            md5: md5(),
            seal: seal(),
            open: open()?,
            encode: encode(),
            blake3: blake3(),
            disk: disk(&directory)?,
            append_s: append(&directory)?,
            pieces_s: pieces(&directory)?,
            upload,
            download,
            requests,
        };
        fs::remove_dir_all(directory)?;
        Ok(stages)
    }
}

/// Runs `work` for a while; gives calls a second.
fn rate(mut work: impl FnMut()) -> f64 {
    work();
    let (began, mut calls) = (Instant::now(), 0);
    while began.elapsed() < RUN {
        work();
        calls += 1;
    }
    as_f64(calls) / began.elapsed().as_secs_f64()
}

fn md5() -> f64 {
    let bytes = noise(1 << 20);
    let mut digests = Digests::new(&[Kind::Md5]);
    as_f64(bytes.len()) * rate(|| digests.update(black_box(&bytes)))
}

fn blake3() -> f64 {
    let bytes = noise(chunk::SEALED);
    as_f64(bytes.len())
        * rate(|| {
            black_box(blake3::hash(black_box(&bytes)));
        })
}

fn seal() -> f64 {
    let mut buffer = noise(chunk::SEALED);
    let sealer = Sealer::new(&BodyKey::from_bytes([7; 32]), BodyId([1; 16]));
    let mut number = 0;
    as_f64(chunk::PLAIN)
        * rate(|| {
            sealer.seal(number, Last::No, black_box(&mut buffer));
            number += 1;
        })
}

fn open() -> Result<f64> {
    let sealer = Sealer::new(&BodyKey::from_bytes([7; 32]), BodyId([1; 16]));
    let mut sealed = noise(chunk::SEALED);
    sealer.seal(0, Last::No, &mut sealed);
    let mut well = true;
    let rate = rate(|| {
        // Opening works in place, so each turn opens a copy, as a read does.
        let mut buffer = sealed.clone();
        well &= sealer.open(0, Last::No, black_box(&mut buffer)).is_ok();
    });
    if !well {
        bail!("a sealed chunk did not open");
    }
    Ok(as_f64(chunk::PLAIN) * rate)
}

fn encode() -> f64 {
    let cell = noise(chunk::SEALED);
    let identity = Identity {
        enclave: EnclaveId([0; 16]),
        stream: StreamId([0; 16]),
        segment: SegmentId([0; 16]),
        kind: SegmentKind::Data,
        key: KeyTag([0; 16]),
        epoch: Epoch(1),
    };
    let segments = rate(|| {
        let mut encoder = Encoder::new(CODE, coding::limits::CELL, CELLS / usize::from(CODE.k));
        while !encoder.is_full() {
            encoder.next_cell().copy_from_slice(&cell);
            encoder.commit_cell(cell.len());
        }
        drop(black_box(encoder.finish(identity)));
    });
    as_f64(cell.len() * CELLS) * segments
}

fn disk(directory: &Path) -> Result<f64> {
    const SIZE: usize = 512 << 20;
    let block = noise(8 << 20);
    let path = directory.join("sequential");
    let began = Instant::now();
    let mut file = File::create(&path)?;
    for _ in 0..SIZE / block.len() {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let rate = as_f64(SIZE) / began.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    Ok(rate)
}

fn append(directory: &Path) -> Result<f64> {
    let block = noise(4096);
    let mut file = File::create(directory.join("append"))?;
    let mut failed = None;
    let rate = rate(|| {
        if let Err(error) = file.write_all(&block).and_then(|()| file.sync_data()) {
            failed = Some(error);
        }
    });
    failed.map_or(Ok(1.0 / rate), |error| Err(error.into()))
}

fn pieces(directory: &Path) -> Result<f64> {
    let block = noise(4096);
    let folders: Vec<_> = (0..CODE.n()).map(|number| directory.join(format!("site-{number}"))).collect();
    folders.iter().try_for_each(fs::create_dir)?;
    let (mut turn, mut failed) = (0, None);
    let rate = rate(|| {
        turn += 1;
        let one = |folder: &Path| -> std::io::Result<()> {
            let mut file = File::create_new(folder.join(turn.to_string()))?;
            file.write_all(&block)?;
            file.sync_all()?;
            File::open(folder)?.sync_all()
        };
        let results: Vec<_> = thread::scope(|scope| {
            let one = &one;
            let handles: Vec<_> = folders.iter().map(|folder| scope.spawn(move || one(folder))).collect();
            handles.into_iter().filter_map(|handle| handle.join().ok()).collect()
        });
        failed = failed.take().or_else(|| results.into_iter().find_map(Result::err));
    });
    failed.map_or(Ok(1.0 / rate), |error| Err(error.into()))
}

/// Upload and download rate with four clients, and requests a second with sixteen, of a server that
/// does nothing but read and answer.
fn loopback() -> Result<(f64, f64, f64)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let host = listener.local_addr()?.to_string();
    let large: Arc<[u8]> = noise(crate::LARGE).into();
    let full = Arc::clone(&large);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let full = Arc::clone(&full);
            thread::spawn(move || serve(stream, &full));
        }
    });
    let signer = Signer { access: "a".into(), secret: "s".into(), region: "r".into(), host };
    let door = Door { signer };
    let up = drive(&door, crate::LARGE_CLIENTS, "PUT", "/", &large)?;
    let down = drive(&door, crate::LARGE_CLIENTS, "GET", &format!("/{}", crate::LARGE), &[])?;
    let small = drive(&door, crate::SMALL_CLIENTS, "GET", &format!("/{}", crate::SMALL), &[])?;
    Ok((up * as_f64(crate::LARGE), down * as_f64(crate::LARGE), small))
}

fn drive(door: &Door, clients: usize, method: &str, path: &str, body: &[u8]) -> Result<f64> {
    let began = Instant::now();
    let counts: Result<Vec<usize>> = thread::scope(|scope| {
        let one = || -> Result<usize> {
            let (mut connection, mut count) = (door.connect()?, 0);
            while began.elapsed() < RUN * 2 {
                connection.request(method, path, "", body, Keep::Length)?.expect_ok("reach the bare server")?;
                count += 1;
            }
            Ok(count)
        };
        let handles: Vec<_> = (0..clients).map(|_| scope.spawn(one)).collect();
        handles.into_iter().map(|handle| handle.join().unwrap_or_else(|_| bail!("a client panicked"))).collect()
    });
    Ok(as_f64(counts?.iter().sum()) / began.elapsed().as_secs_f64())
}

/// `GET /N` answers N bytes of `full`; anything else is read to its end and answered with nothing.
fn serve(mut stream: TcpStream, full: &[u8]) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut buffer, mut held) = (vec![0; 1 << 18], Vec::new());
    loop {
        let end = loop {
            if let Some(at) = held.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
            held.extend_from_slice(buffer.get(..count)?);
        };
        let head = String::from_utf8_lossy(held.get(..end)?).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse::<usize>().ok()?;
        let mut left = length.saturating_sub(held.len() - end);
        held.clear();
        while left > 0 {
            left = left.saturating_sub(stream.read(&mut buffer).ok().filter(|count| *count > 0)?);
        }
        let asked = head.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
        let body = full.get(..asked.unwrap_or(0))?;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        if body.len() <= 1 << 16 {
            stream.write_all(&[answer.as_bytes(), body].concat()).ok()?;
        } else {
            stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(body)).ok()?;
        }
    }
}
