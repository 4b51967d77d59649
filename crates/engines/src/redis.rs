//! Redis: the machine's `redis-server`, or Debian's.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::launch::{Launch, Lifetime};
use crate::provision::apt;
use crate::server::{Recipe, Server, start_anew_where_taken, unless_silent};
use crate::{Faults, Folder, Result, launch, port, program};

const ENGINE: &str = "Redis";

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(2);

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
    address: SocketAddr,
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
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let keep = if options.durable { "yes" } else { "no" };
        let words = ["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--daemonize", "no"];
        let words = words.into_iter().chain(["--appendonly", keep, "--appendfsync", "always"]);
        let launch = program.clone().args(words);
        let ready = Box::new(move || unless_silent(answers(address)));
        let within = Duration::from_secs(20);
        let server = Server::start(Recipe { engine: ENGINE, launch, folder, lifetime, ready, within })?;
        Ok(Self { server, address })
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
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

/// The version that runs, such as `7.0.15`.
pub(crate) fn version(program: &Launch) -> Result<String> {
    let mut command = program.command();
    command.arg("--version");
    // Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64
    let printed = program::output(command, Duration::from_secs(10))?;
    let version = printed.split_whitespace().find_map(|word| word.strip_prefix("v="));
    Ok(version.unwrap_or("unknown").to_owned())
}

/// Whether `PING` is answered.
pub(crate) fn answers(address: SocketAddr) -> bool {
    let ping = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).map(|()| answer)
    };
    ping().is_ok_and(|answer: [u8; 7]| answer == *b"+PONG\r\n")
}
