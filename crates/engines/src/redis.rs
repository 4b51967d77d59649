//! Redis: the machine's `redis-server`, or Debian's.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::certificate::{Certificate, Files};
use crate::launch::{Launch, Lifetime};
use crate::provision::debian;
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
    /// Whether callers must know [`PASSWORD`].
    pub password: bool,
    /// Whether it also speaks TLS, at a port of its own ([`Redis::secure_url`]), with a certificate of its own.
    pub tls: bool,
}

/// The password of a server that asks for one.
pub const PASSWORD: &str = "swordfish";
/// The only name that the certificate holds: whoever comes by an address finds that it is not that server's.
const NAME: &str = "localhost";

/// A running `redis-server`.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    options: Options,
    address: SocketAddr,
    secure: Option<Secure>,
}

/// Where a server speaks TLS, and what it shows.
#[derive(Debug)]
struct Secure {
    port: u16,
    files: Files,
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
        let mut launch = program.clone().args(words);
        if options.password {
            launch = launch.args(["--requirepass", PASSWORD]);
        }
        let secure = if options.tls { Some(Secure::made(&folder)?) } else { None };
        if let Some(Secure { port, files }) = &secure {
            launch = launch.arg("--tls-port").arg(port.to_string()).args(["--tls-auth-clients", "no"]);
            launch = launch.arg("--tls-cert-file").arg(&files.shown).arg("--tls-key-file").arg(&files.key);
        }
        let ready = Box::new(move || unless_silent(answers(address)));
        let within = Duration::from_secs(20);
        let server = Server::start(Recipe { engine: ENGINE, launch, folder, lifetime, ready, within })?;
        Ok(Self { server, options, address, secure })
    }

    /// `redis://[:PASSWORD@]127.0.0.1:PORT`, in the clear.
    pub fn url(&self) -> String {
        format!("redis://{}{}", self.login(), self.address)
    }

    /// `rediss://[:PASSWORD@]localhost:PORT` of a server that speaks TLS.
    pub fn secure_url(&self) -> Option<String> {
        self.secure.as_ref().map(|secure| format!("rediss://{}{NAME}:{}", self.login(), secure.port))
    }

    /// Where the certificate is that it shows under TLS; it signs itself and names `localhost` alone.
    pub fn certificate(&self) -> Option<PathBuf> {
        self.secure.as_ref().map(|secure| secure.files.shown.clone())
    }

    fn login(&self) -> String {
        if self.options.password { format!(":{PASSWORD}@") } else { String::new() }
    }

    /// Where it listens in the clear.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Secure {
    fn made(folder: &Path) -> Result<Self> {
        let files = Certificate::made(&[NAME], folder)?.write(folder)?;
        Ok(Self { port: port::free(), files })
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
    let program = debian::program(folder, ENGINE, "redis-server", "redis-server")?;
    let mut launch = Launch::new(program.path);
    launch.variables.extend(program.variable);
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

/// Whether `PING` is answered, be it by asking for a password first.
pub(crate) fn answers(address: SocketAddr) -> bool {
    let ping = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).map(|()| answer)
    };
    ping().is_ok_and(|answer: [u8; 7]| matches!(&answer, b"+PONG\r\n" | b"-NOAUTH"))
}
