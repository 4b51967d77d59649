//! PostgreSQL: the machine's own, or Debian's. Never run by root.
//!
//! What was acknowledged survives a kill: it is written, though not synced, before it is answered. There is no socket
//! but that of the network.

mod cluster;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::launch::Lifetime;
use crate::server::{Server, start_anew_where_taken};
use crate::{Faults, Folder, Result};

pub(crate) use cluster::{Program, program};

const ENGINE: &str = "PostgreSQL";

/// The user whom a server is made with; it may do everything.
pub const USER: &str = "postgres";

/// How a server is to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The password that callers must know; none is asked for without it.
    pub password: Option<String>,
}

/// A running server with an empty database `postgres`.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    program: Program,
    options: Options,
    port: u16,
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
        let port = crate::port::free();
        let url = url(port, options);
        let server = program.serve(folder, lifetime, port, url)?;
        Ok(Self { server, program: program.clone(), options: options.clone(), port })
    }

    /// `postgres://postgres[:PASSWORD]@127.0.0.1:PORT/postgres`.
    pub fn url(&self) -> String {
        url(self.port, &self.options)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Runs statements by `psql` and returns their rows, one a line, columns parted by `|`.
    ///
    /// # Errors
    ///
    /// When a statement fails.
    pub fn query(&self, sql: &str) -> Result<String> {
        self.program.query(&self.url(), sql)
    }
}

impl Faults for Postgres {
    fn server(&self) -> &Server {
        &self.server
    }
}

fn url(port: u16, options: &Options) -> String {
    let password = options.password.as_ref().map_or_else(String::new, |password| format!(":{password}"));
    format!("postgres://{USER}{password}@127.0.0.1:{port}/postgres")
}
