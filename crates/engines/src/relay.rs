//! A relay in front of a server, on the loopback: what a bad network does to any protocol.
//!
//! Connections through it can be cut, also within a write or before an answer, refused and slowed down, and all of that
//! ends with [`Relay::heal`]. Always holds: bytes arrive in order and unchanged, or not at all; nothing is passed on after
//! a cut. Two threads a connection: for tests, not for load.

mod state;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::{Error, Result};
use state::{Doing, Passed, State};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From clients: what they ask.
    ToServer,
    /// From the server: what it answers.
    ToClient,
}

/// A relay that listens on a port of its own. Connections end when it is dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
}

impl Relay {
    /// Listens for whoever is to reach `server`, which need not run yet. It listens on the server's own IP address: a
    /// driver that learns from a server where that is, and keeps to the port that it was given, comes through here too.
    ///
    /// # Errors
    ///
    /// When no port can be listened on.
    pub fn to(server: SocketAddr) -> Result<Self> {
        let address = SocketAddr::new(server.ip(), crate::port::free());
        let listen = |source| Error::Run { command: format!("listen on {address}"), source };
        let listener = TcpListener::bind(address).map_err(listen)?;
        let state = Arc::new(State::default());
        let accepting = Arc::clone(&state);
        thread::spawn(move || accept(listener, address, server, &accepting));
        Ok(Self { address, state })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends every connection there is, at both ends. New ones are taken.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// Ends every connection once `bytes` more have gone this way, over all of them: in the middle of a write, say. With 0
    /// bytes it happens before anything goes on, so `cut_after(Way::ToClient, 0)` is a write that is done and whose answer
    /// is lost. Happens once.
    pub fn cut_after(&self, way: Way, bytes: u64) {
        self.state.cut_after(way, bytes);
    }

    /// Refuses whoever connects, as a machine does on which nothing listens. Connections there are stay.
    pub fn refuse(&self) {
        self.state.do_and_wait(Doing::Refuse, || wake(self.address));
    }

    /// Holds every piece back for so long, each way: an answer takes twice that at least. Until [`heal`](Self::heal) when
    /// it is very long.
    pub fn delay(&self, delay: Duration) {
        self.state.delay(delay);
    }

    /// Takes connections and passes everything on at once. What was held back goes on; what was cut stays so.
    pub fn heal(&self) {
        self.state.heal();
        self.state.do_and_wait(Doing::Accept, || ());
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.do_and_wait(Doing::End, || wake(self.address));
        self.state.cut();
    }
}

/// Ends the waiting of the thread that accepts.
fn wake(address: SocketAddr) {
    drop(TcpStream::connect(address));
}

/// Takes connections until the relay ends; does not listen while it refuses them.
fn accept(listener: TcpListener, address: SocketAddr, server: SocketAddr, state: &Arc<State>) {
    let mut listening = Some(listener);
    loop {
        match state.doing() {
            Doing::Accept => {
                let Some(listener) = listening.take().or_else(|| TcpListener::bind(address).ok()) else {
                    // Somebody took the port while it was not listened on; it is waited for.
                    thread::sleep(Duration::from_millis(10));
                    continue;
                };
                state.done(Doing::Accept);
                let accepted = listener.accept();
                listening = Some(listener);
                if let (Ok((client, _)), Doing::Accept) = (accepted, state.doing()) {
                    // A server that is not there is a connection that ends at once.
                    drop(join(client, server, state));
                }
            }
            Doing::Refuse => {
                listening = None;
                state.done(Doing::Refuse);
                state.wait_while(Doing::Refuse);
            }
            Doing::End => {
                drop(listening);
                return state.done(Doing::End);
            }
        }
    }
}

fn join(client: TcpStream, server: SocketAddr, state: &Arc<State>) -> io::Result<()> {
    let server = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let connection = state.opened(client.try_clone()?, server.try_clone()?);
    let ways = [(Way::ToServer, client.try_clone()?, server.try_clone()?), (Way::ToClient, server, client)];
    for (way, from, to) in ways {
        let state = Arc::clone(state);
        thread::spawn(move || match pass(way, &from, &to, &state, connection) {
            Ok(()) => state.half_ended(connection),
            Err(_) => state.ended(connection),
        });
    }
    Ok(())
}

/// Passes on what comes until the sender ends, and tells the receiver that it did.
fn pass(
    way: Way,
    mut from: &TcpStream,
    mut to: &TcpStream,
    state: &State,
    connection: u64,
) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    loop {
        let length = from.read(&mut piece)?;
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
        match state.passes(way, connection, length) {
            Passed::Whole => to.write_all(&piece[..length])?,
            Passed::Part(passed) => {
                to.write_all(&piece[..passed])?;
                state.cut();
                return Ok(());
            }
            Passed::Nothing => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
