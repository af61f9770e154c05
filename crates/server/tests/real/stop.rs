//! Ctrl-C and SIGTERM.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::world::{World, connect, read_answer, s3, split};

/// A PUT whose body is still missing.
fn begun_put(world: &World, length: usize) -> TcpStream {
    assert_eq!(s3(world, "put", "s3://tea", "").status, 200);
    let (host, path) = split(&world.said(&["presign", "put", "s3://tea/green"]));
    let mut stream = connect(&host);
    let head =
        format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // "100 Continue" says that the request was taken up.
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 100");
    let mut rest = [0; 13];
    stream.read_exact(&mut rest).unwrap();
    stream
}

#[test]
fn a_write_under_way_is_finished_before_the_end() {
    for signal in ["TERM", "INT"] {
        let world = World::new("drain");
        let running = world.up();
        let mut put = begun_put(&world, 6);
        running.signal(signal);
        std::thread::sleep(Duration::from_millis(300));
        put.write_all(b"sencha").unwrap();
        let answer = read_answer(&mut put);
        assert_eq!(answer.status, 200, "{answer:?}");
        let ended = running.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(!world.path("run.json").exists());
        let _running = world.up();
        assert_eq!(s3(&world, "get", "s3://tea/green", "").body, "sencha");
    }
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let world = World::new("twice");
    let running = world.up();
    let _put = begun_put(&world, 6);
    running.signal("INT");
    std::thread::sleep(Duration::from_millis(200));
    running.signal("INT");
    assert_eq!(running.wait().code, Some(130));
    assert_eq!(world.up().stop().code, Some(0), "the next start finds all in order");
}

#[test]
fn a_silent_admin_connection_does_not_hold_up_the_end() {
    let world = World::new("silent");
    let running = world.up();
    let (admin, _) = split(&running.ready("admin_endpoint"));
    let silent = connect(&admin);
    let mut half = connect(&admin);
    half.write_all(b"GET /api/v1/status HTTP/1.1\r\nhost: ").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let asked = Instant::now();
    let ended = running.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    drop((silent, half));
}

#[test]
fn a_start_that_hangs_can_be_stopped() {
    let world = World::new("hanging");
    assert_eq!(world.up().stop().code, Some(0));
    // Whoever reads it waits for a writer, as one waits for a disk that hangs.
    let token = world.path("admin.token");
    let kept = fs::read(&token).unwrap();
    fs::remove_file(&token).unwrap();
    assert!(Command::new("mkfifo").arg(&token).status().unwrap().success());
    let mut starting = world.spawn();
    std::thread::sleep(Duration::from_secs(2));
    assert!(starting.try_wait().unwrap().is_none(), "the start did not hang");
    assert!(Command::new("kill").args(["-TERM", &starting.id().to_string()]).status().unwrap().success());
    let asked = Instant::now();
    let ended = loop {
        if let Some(ended) = starting.try_wait().unwrap() {
            break Some(ended);
        }
        if asked.elapsed() > Duration::from_secs(10) {
            starting.kill().unwrap();
            starting.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(ended.map(|ended| ended.code()), Some(Some(0)), "it stops");
    fs::remove_file(&token).unwrap();
    fs::write(&token, kept).unwrap();
    assert_eq!(world.up().stop().code, Some(0), "the next start finds all in order");
}
