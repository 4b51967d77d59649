//! Redis: the machine's `redis-server`, or Debian's.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::launch::{Launch, Lifetime};
use crate::provision::apt;
use crate::server::{Recipe, Server, start_anew_where_taken};
use crate::{Faults, Folder, Result, launch, port, program};

const ENGINE: &str = "Redis";

/// How a server is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether every write is synced before it is answered, and survives a kill. Else nothing does.
    pub durable: bool,
}

/// A running `redis-server`.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    port: u16,
}

impl Redis {
    /// Starts one that keeps nothing.
    ///
    /// # Errors
    ///
    /// When it cannot be had or does not answer.
    pub fn start() -> Result<Self> {
        Self::start_with(Options::default())
    }

    /// Starts one.
    ///
    /// # Errors
    ///
    /// When it cannot be had or does not answer.
    pub fn start_with(options: Options) -> Result<Self> {
        let folder = Folder::find()?;
        let program = program(&folder)?;
        start_anew_where_taken(|| Self::started(&program, options, Lifetime::Owned, folder.owned("redis")?))
    }

    pub(crate) fn started(
        program: &Launch,
        options: Options,
        lifetime: Lifetime,
        folder: PathBuf,
    ) -> Result<Self> {
        let port = port::free();
        let keep = if options.durable { "yes" } else { "no" };
        let words = ["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--daemonize", "no"];
        let words = words.into_iter().chain(["--appendonly", keep, "--appendfsync", "always"]);
        let launch = program.clone().args(words);
        let ready = Box::new(move || answers(port));
        let within = Duration::from_secs(20);
        let server = Server::start(Recipe { engine: ENGINE, launch, folder, lifetime, ready, within })?;
        Ok(Self { server, port })
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Faults for Redis {
    fn server(&self) -> &Server {
        &self.server
    }
}

/// The program, without arguments.
pub(crate) fn program(folder: &Folder) -> Result<Launch> {
    launch::require(ENGINE)?;
    if let Some(installed) = program::find("redis-server") {
        return Ok(Launch::new(installed));
    }
    let unpacked = apt::unpacked(folder, ENGINE, "redis-server")?;
    let mut launch = Launch::new(unpacked.join("usr/bin/redis-server"));
    launch.variables.push(("LD_LIBRARY_PATH", apt::libraries(&unpacked)));
    Ok(launch)
}

/// Whether `PING` is answered.
fn answers(port: u16) -> bool {
    let ping = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).map(|()| answer)
    };
    ping().is_ok_and(|answer: [u8; 7]| answer == *b"+PONG\r\n")
}
