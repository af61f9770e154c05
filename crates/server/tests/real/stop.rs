//! Ctrl-C and SIGTERM.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

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
