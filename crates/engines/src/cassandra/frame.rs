//! As much of Cassandra's native protocol, version 4, as tells whether a node serves.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::CREDENTIALS;

const VERSION: u8 = 4;

const STARTUP: u8 = 0x01;
const AUTHENTICATE: u8 = 0x03;
const OPTIONS: u8 = 0x05;
const SUPPORTED: u8 = 0x06;
const AUTH_RESPONSE: u8 = 0x0f;
const AUTH_SUCCESS: u8 = 0x10;

const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a node says what it supports.
pub(crate) fn answers(address: SocketAddr) -> bool {
    connected(address).and_then(|mut stream| asked(&mut stream, OPTIONS, &[])).is_ok_and(|op| op == SUPPORTED)
}

/// Whether a node lets the first user in, which it makes itself some time after it began to answer.
pub(super) fn admits(address: SocketAddr) -> bool {
    let login = || {
        let mut stream = connected(address)?;
        // A map of one pair, each text with its length before it.
        let startup = b"\x00\x01\x00\x0bCQL_VERSION\x00\x053.0.0";
        if asked(&mut stream, STARTUP, startup)? != AUTHENTICATE {
            return Ok(false);
        }
        let (user, password) = CREDENTIALS;
        let token = format!("\0{user}\0{password}");
        let length = u32::try_from(token.len()).map_err(io::Error::other)?;
        let body = [&length.to_be_bytes(), token.as_bytes()].concat();
        Ok::<_, io::Error>(asked(&mut stream, AUTH_RESPONSE, &body)? == AUTH_SUCCESS)
    };
    login().unwrap_or(false)
}

fn connected(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Sends one frame and returns the kind of the one that comes back.
fn asked(stream: &mut TcpStream, opcode: u8, body: &[u8]) -> io::Result<u8> {
    let length = u32::try_from(body.len()).map_err(io::Error::other)?.to_be_bytes();
    // Version, flags, the number of the stream, what it is.
    stream.write_all(&[&[VERSION, 0, 0, 1, opcode], &length[..], body].concat())?;
    let mut head = [0; 9];
    stream.read_exact(&mut head)?;
    let [_, _, _, _, answer, length @ ..] = head;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?];
    stream.read_exact(&mut body)?;
    Ok(answer)
}
