//! As much of Cassandra's native protocol, version 4, as tells whether a node serves.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::CREDENTIALS;

const VERSION: u8 = 4;

const ERROR: u8 = 0x00;
const STARTUP: u8 = 0x01;
const READY: u8 = 0x02;
const AUTHENTICATE: u8 = 0x03;
const OPTIONS: u8 = 0x05;
const SUPPORTED: u8 = 0x06;
const QUERY: u8 = 0x07;
const AUTH_RESPONSE: u8 = 0x0f;
const AUTH_SUCCESS: u8 = 0x10;

/// A map of one pair, each text with its length before it.
const CQL_VERSION: &[u8] = b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0";

const PATIENCE: Duration = Duration::from_secs(5);
/// For one statement: a node waits up to 10 seconds until all agree on a change of the schema.
const PATIENCE_FOR_STATEMENTS: Duration = Duration::from_secs(15);

/// How many copies must answer.
#[derive(Clone, Copy)]
pub(super) enum Consistency {
    One = 1,
    All = 5,
}

/// Whether a node says what it supports.
pub(crate) fn answers(address: SocketAddr) -> bool {
    connected(address)
        .and_then(|mut stream| asked(&mut stream, OPTIONS, &[]))
        .is_ok_and(|(op, _)| op == SUPPORTED)
}

/// Runs one statement without values; what the node says where it refuses.
pub(super) fn execute(address: SocketAddr, statement: &str, consistency: Consistency) -> io::Result<()> {
    let mut stream = connected(address)?;
    stream.set_read_timeout(Some(PATIENCE_FOR_STATEMENTS))?;
    let (opcode, _) = asked(&mut stream, STARTUP, CQL_VERSION)?;
    if opcode != READY {
        return Err(io::Error::other("the node asks who is there"));
    }
    let length = u32::try_from(statement.len()).map_err(io::Error::other)?;
    // The statement, the consistency, no flags.
    let body = [&length.to_be_bytes(), statement.as_bytes(), &[0, consistency as u8, 0]].concat();
    match asked(&mut stream, QUERY, &body)? {
        (ERROR, body) => Err(io::Error::other(String::from_utf8_lossy(&body).into_owned())),
        _ => Ok(()),
    }
}

/// Whether a node lets the first user in, which it makes itself some time after it began to answer.
pub(super) fn admits(address: SocketAddr) -> bool {
    let login = || {
        let mut stream = connected(address)?;
        let (opcode, _) = asked(&mut stream, STARTUP, CQL_VERSION)?;
        if opcode != AUTHENTICATE {
            return Ok(false);
        }
        let (user, password) = CREDENTIALS;
        let token = format!("\0{user}\0{password}");
        let length = u32::try_from(token.len()).map_err(io::Error::other)?;
        let body = [&length.to_be_bytes(), token.as_bytes()].concat();
        let (opcode, _) = asked(&mut stream, AUTH_RESPONSE, &body)?;
        Ok::<_, io::Error>(opcode == AUTH_SUCCESS)
    };
    login().unwrap_or(false)
}

fn connected(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends one frame and returns the kind and the body of the one that comes back.
fn asked(stream: &mut TcpStream, opcode: u8, body: &[u8]) -> io::Result<(u8, Vec<u8>)> {
    let length = u32::try_from(body.len()).map_err(io::Error::other)?.to_be_bytes();
    // Version, flags, the number of the stream, what it is.
    stream.write_all(&[&[VERSION, 0, 0, 1, opcode], &length[..], body].concat())?;
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let [_, _, _, _, answer, length @ ..] = head;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?];
    stream.read_exact(&mut body)?;
    Ok((answer, body))
}
