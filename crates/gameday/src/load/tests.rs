//! The driver against a server of a few lines whose stalls and answers are known.

use super::{Pace, Plan, Recording, Source, run};
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

struct Same;

impl Source for Same {
    fn next(&mut self, request: &mut Vec<u8>) -> Option<usize> {
        request.extend_from_slice(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        Some(0)
    }
}

/// Runs against a server of one connection that gives `answer` to each request, the first after `stall`.
fn drive(pace: Pace, stall: Duration, answer: &'static [u8]) -> Recording {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stalled, stalling) = std::sync::mpsc::channel::<()>();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut bytes, mut is_first) = ([0; 4096], true);
        while stream.read(&mut bytes).is_ok_and(|read| read > 0) {
            if std::mem::take(&mut is_first) {
                stalling.recv_timeout(stall).ok();
            }
            stream.write_all(answer).unwrap();
        }
    });
    let plan = Plan { address, connections: 1, duration: Duration::from_millis(500), pace, kinds: 1 };
    let recording = run(plan, Same).unwrap();
    drop(stalled);
    recording
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[test]
fn an_open_loop_counts_a_stall_for_every_request_that_was_meant_in_it() {
    let stall = Duration::from_millis(300);
    let open = drive(Pace::Open { per_second: 100.0 }, stall, OK);
    assert_eq!((open.done(), open.failed()), (50, 0));
    assert!(open.kinds[0].latency_us.value_at_quantile(0.5) > 10_000, "half of them were meant in the stall");
    let closed = drive(Pace::Closed, stall, OK);
    assert!(closed.kinds[0].latency_us.value_at_quantile(0.5) < 10_000, "a closed loop hides it");
}

#[test]
fn moments_that_an_open_loop_gave_up_are_counted() {
    // The one connection is first answered after twice the duration.
    let stalled = drive(Pace::Open { per_second: 100.0 }, Duration::from_millis(1_100), OK);
    assert_eq!((stalled.done(), stalled.unsent), (1, 49));
    let in_time = drive(Pace::Open { per_second: 100.0 }, Duration::ZERO, OK);
    assert_eq!((in_time.done(), in_time.unsent), (50, 0));
}

#[test]
fn refusals_are_told_from_answers_and_from_errors() {
    let pace = Pace::Open { per_second: 20.0 };
    let refused =
        drive(pace, Duration::ZERO, b"HTTP/1.1 503 No\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n");
    assert_eq!((refused.done(), refused.refused(), refused.failed()), (0, 10, 0));
    assert_eq!(refused.kinds[0].refused_silently, 0);
    let silent = drive(pace, Duration::ZERO, b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(silent.kinds[0].refused_silently, 10);
    let failed = drive(pace, Duration::ZERO, b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n");
    assert_eq!((failed.done(), failed.failed()), (0, 10));
}

#[test]
fn bodies_longer_than_the_buffer_are_read_to_their_end() {
    let mut long = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n".to_vec();
    long.resize(long.len() + 100_000, b'x');
    let seen = drive(Pace::Open { per_second: 20.0 }, Duration::ZERO, long.leak());
    assert_eq!((seen.done(), seen.failed()), (10, 0));
}
