//! PostgreSQL: the machine's own, or Debian's. Never run by root.
//!
//! What was acknowledged survives a kill: it is written, though not synced, before it is answered. There is no socket
//! but that of the network.

mod access;
mod cluster;
mod replica;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::launch::Lifetime;
use crate::server::{Server, start_anew_where_taken};
use crate::{Faults, Folder, Result, port};

pub(crate) use cluster::{Program, program};
pub use replica::Replica;

const ENGINE: &str = "PostgreSQL";

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The user whom a server is made with; it may do everything.
pub const USER: &str = "postgres";

/// How a server is to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The password that callers must know, of letters and digits; none is asked for without it.
    pub password: Option<String>,
    /// Whether callers must come over TLS.
    pub tls: bool,
}

/// A running server with an empty database `postgres`.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    program: Program,
    options: Options,
    address: SocketAddr,
}

impl Postgres {
    /// Starts one that asks for no password.
    ///
    /// # Errors
    ///
    /// When it cannot be had or does not answer.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// Starts one.
    ///
    /// # Errors
    ///
    /// When it cannot be had or does not answer.
    pub fn start_with(options: &Options) -> Result<Self> {
        let folder = Folder::find()?;
        let program = program(&folder)?;
        start_anew_where_taken(|| {
            Self::started(&program, options, Lifetime::Owned, folder.owned("postgres")?)
        })
    }

    pub(crate) fn started(
        program: &Program,
        options: &Options,
        lifetime: Lifetime,
        folder: PathBuf,
    ) -> Result<Self> {
        program.create(&folder, options)?;
        let port = port::free();
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let server = program.serve(folder, lifetime, port, url(address, options))?;
        Ok(Self { server, program: program.clone(), options: options.clone(), address })
    }

    /// Starts a replica that follows this one. It takes a second or two.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn replica(&self) -> Result<Replica> {
        let folder = Folder::find()?;
        start_anew_where_taken(|| Replica::started(self, folder.owned("postgres-replica")?))
    }

    /// The certificate that this server and its replicas show, in PEM; it names `localhost` and `127.0.0.1` and signs
    /// itself, so that it is the root to trust too. Nothing without TLS.
    pub fn certificate(&self) -> Option<PathBuf> {
        self.options.tls.then(|| access::certificate(self.folder()))
    }

    fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// `postgres://postgres[:PASSWORD]@127.0.0.1:PORT/postgres[?sslmode=require]`.
    pub fn url(&self) -> String {
        url(self.address, &self.options)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs statements by `psql` and returns their rows, one a line, columns parted by `|`.
    ///
    /// # Errors
    ///
    /// When a statement fails.
    pub fn query(&self, sql: &str) -> Result<String> {
        self.query_at(&self.url(), sql)
    }

    /// The same as whoever the URL names, and as it says to connect: another user, a database, a wrong password.
    ///
    /// # Errors
    ///
    /// When a statement fails.
    pub fn query_at(&self, url: &str, sql: &str) -> Result<String> {
        self.program.query(url, sql)
    }

    /// Whether it answers now: not while it is paused, and not when it is dead.
    pub fn answers(&self) -> bool {
        answers(self.address)
    }
}

impl Faults for Postgres {
    fn server(&self) -> &Server {
        &self.server
    }
}

pub(crate) fn url(address: SocketAddr, options: &Options) -> String {
    let password = options.password.as_ref().map_or_else(String::new, |password| format!(":{password}"));
    let tls = if options.tls { "?sslmode=require" } else { "" };
    format!("postgres://{USER}{password}@{address}/postgres{tls}")
}

/// Whether a request for TLS is answered, with yes or with no: a process of the server does, and no client is needed.
pub(crate) fn answers(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // Its length, and the number that stands for the request.
        stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
        let mut answer = [0];
        stream.read_exact(&mut answer).map(|()| answer)
    };
    ask().is_ok_and(|[answer]: [u8; 1]| matches!(answer, b'S' | b'N'))
}
