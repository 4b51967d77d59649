//! Each fault as a client sees it, with a server that answers every byte with the same.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::{Relay, State, Way, pass};

/// Counts nothing and forgets everything: what comes goes back.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    address
}

fn connected(relay: &Relay) -> TcpStream {
    let stream = TcpStream::connect(relay.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// What comes back for `text` before the connection ends.
fn answer(stream: &mut TcpStream, text: &str) -> String {
    let mut answer = Vec::new();
    if stream.write_all(text.as_bytes()).is_ok() {
        let mut byte = [0];
        while answer.len() < text.len() && stream.read(&mut byte).is_ok_and(|read| read == 1) {
            answer.extend(byte);
        }
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn everything_passes_both_ways_and_an_end_is_passed_on() {
    let relay = Relay::to(echo()).unwrap();
    let mut stream = connected(&relay);
    let long = "a cart ".repeat(50_000);
    let writer = stream.try_clone().unwrap();
    let sent = long.clone();
    thread::spawn(move || {
        (&writer).write_all(sent.as_bytes()).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut came = String::new();
    stream.read_to_string(&mut came).unwrap();
    assert_eq!(came, long);
}

#[test]
fn a_cut_ends_connections_and_new_ones_are_taken() {
    let relay = Relay::to(echo()).unwrap();
    let mut stream = connected(&relay);
    assert_eq!(answer(&mut stream, "one"), "one");
    relay.cut();
    assert_eq!(answer(&mut stream, "two"), "");
    assert_eq!(answer(&mut connected(&relay), "three"), "three");
}

#[test]
fn a_cut_within_a_write_passes_that_many_bytes_and_happens_once() {
    let relay = Relay::to(echo()).unwrap();
    relay.cut_after(Way::ToServer, 4);
    let mut stream = connected(&relay);
    assert_eq!(answer(&mut stream, "one"), "one");
    // The fifth byte never leaves, and the answer to the fourth may or may not outrun the cut.
    assert!("two".starts_with(&answer(&mut stream, "two")) && answer(&mut stream, "more").is_empty());
    assert_eq!(answer(&mut connected(&relay), "three and more"), "three and more");
}

#[test]
fn what_comes_late_over_a_connection_that_was_cut_does_not_cut_others() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let pair = || {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    };
    let ((mut late, from), (_receiver, to), (mut other, mut peer)) = (pair(), pair(), pair());
    let state = State::default();
    let number = state.opened(other.try_clone().unwrap(), peer.try_clone().unwrap());
    late.write_all(b"late").unwrap();
    // Of a connection that the relay has no more.
    let cut = number + 1;
    pass(Way::ToClient, &from, &to, &state, cut).unwrap();
    other.write_all(b"on").unwrap();
    let mut came = [0; 2];
    peer.read_exact(&mut came).unwrap();
    assert_eq!(&came, b"on");
}

#[test]
fn an_answer_can_be_lost_when_the_server_has_done_what_was_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = Relay::to(listener.local_addr().unwrap()).unwrap();
    relay.cut_after(Way::ToClient, 0);
    let mut client = connected(&relay);
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"write").unwrap();
    let mut came = [0; 5];
    server.read_exact(&mut came).unwrap();
    server.write_all(b"done").unwrap();
    assert_eq!(client.read(&mut [0; 4]).unwrap_or(0), 0);
}

#[test]
fn who_connects_is_refused_until_it_heals_and_the_port_stays() {
    let relay = Relay::to(echo()).unwrap();
    let mut before = connected(&relay);
    assert_eq!(answer(&mut before, "one"), "one");
    relay.refuse();
    let refused = TcpStream::connect(relay.address()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(answer(&mut before, "two"), "two");
    relay.heal();
    assert_eq!(answer(&mut connected(&relay), "three"), "three");
}

#[test]
fn an_answer_is_late_by_both_ways() {
    let relay = Relay::to(echo()).unwrap();
    let mut stream = connected(&relay);
    relay.delay(Duration::from_millis(40));
    let start = Instant::now();
    assert_eq!(answer(&mut stream, "x"), "x");
    assert!(start.elapsed() >= Duration::from_millis(80), "{:?}", start.elapsed());
}

#[test]
fn what_is_held_back_for_ever_goes_on_when_it_heals_and_is_lost_when_it_is_cut() {
    let relay = Relay::to(echo()).unwrap();
    relay.delay(Duration::MAX);
    let (mut healed, mut lost) = (connected(&relay), connected(&relay));
    lost.write_all(b"lost").unwrap();
    healed.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(answer(&mut healed, "held"), "");
    healed.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    relay.heal();
    let mut came = [0; 4];
    healed.read_exact(&mut came).unwrap();
    assert_eq!(&came, b"held");
    lost.read_exact(&mut came).unwrap();
    relay.delay(Duration::MAX);
    lost.write_all(b"gone").unwrap();
    relay.cut();
    relay.heal();
    assert_eq!(lost.read(&mut came).unwrap_or(0), 0);
}

#[test]
fn a_server_that_is_not_there_is_a_connection_that_ends() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let relay = Relay::to(nobody).unwrap();
    assert_eq!(answer(&mut connected(&relay), "x"), "");
}
