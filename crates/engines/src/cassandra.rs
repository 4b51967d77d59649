//! Apache Cassandra, one node or a cluster of several ([`Cluster`]), from Maven's registry.
//!
//! A node has an address of the loopback to itself, so that drivers find it on the port they expect. It is small (384 MB of
//! heap) and waits for nobody when it starts. What it acknowledged survives a kill: it syncs first, where a node among
//! several would rely on the others. Deliberately absent: JMX, and with it `nodetool`.

mod cluster;
mod frame;
mod settings;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::launch::{Launch, Lifetime};
use crate::provision::java;
use crate::provision::maven::{self, Artefact};
use crate::server::{Recipe, Server, start_anew_where_taken, unless_silent};
use crate::{Error, Faults, Folder, Result, launch, port};

pub use cluster::Cluster;
pub(crate) use frame::answers;

const ENGINE: &str = "Cassandra";

pub(crate) const ARTEFACT: Artefact =
    Artefact { engine: ENGINE, group: "org.apache.cassandra", name: "cassandra-all", version: "5.0.9" };

/// Where drivers connect.
const NATIVE_PORT: u16 = 9042;
/// Where nodes do.
const STORAGE_PORT: u16 = 7000;

/// The data centre of a node, unless another is asked for.
pub const DATACENTER: &str = "dc1";

/// User and password of a node that asks for them.
pub const CREDENTIALS: (&str, &str) = ("cassandra", "cassandra");

/// How a node is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its data centre.
    pub datacenter: String,
    /// Whether callers must know [`CREDENTIALS`].
    pub password: bool,
    /// Whether it also speaks TLS, with a certificate of its own ([`Cassandra::certificate`]).
    pub tls: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { datacenter: DATACENTER.to_owned(), password: false, tls: false }
    }
}

/// A running node.
#[derive(Debug)]
pub struct Cassandra {
    server: Server,
    address: SocketAddr,
    certificate: Option<PathBuf>,
}

impl Cassandra {
    /// Starts one that asks for no password, in [`DATACENTER`]. It takes seconds.
    ///
    /// # Errors
    ///
    /// When it cannot be had or does not answer.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// Starts one. It takes seconds.
    ///
    /// # Errors
    ///
    /// When it cannot be had or does not answer.
    pub fn start_with(options: &Options) -> Result<Self> {
        let folder = Folder::find()?;
        let program = program(&folder)?;
        start_anew_where_taken(|| {
            Self::started(&program, options, Lifetime::Owned, folder.owned("cassandra")?)
        })
    }

    pub(crate) fn started(
        program: &Program,
        options: &Options,
        lifetime: Lifetime,
        folder: PathBuf,
    ) -> Result<Self> {
        let address = port::free_address(&[NATIVE_PORT, STORAGE_PORT]);
        let alone = Place { address, seeds: vec![address] };
        Self::placed(program, options, &alone, lifetime, folder)
    }

    fn placed(
        program: &Program,
        options: &Options,
        place: &Place,
        lifetime: Lifetime,
        folder: PathBuf,
    ) -> Result<Self> {
        let address = SocketAddr::from((place.address, NATIVE_PORT));
        let launch = program.node(&folder, place, options)?;
        let password = options.password;
        let certificate = options.tls.then(|| settings::certificate(&folder));
        let ready = Box::new(move || {
            unless_silent(if password { frame::admits(address) } else { frame::answers(address) })
        });
        let within = Duration::from_mins(3);
        let server = Server::start(Recipe { engine: ENGINE, launch, folder, lifetime, ready, within })?;
        Ok(Self { server, address, certificate })
    }

    /// Where drivers connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the certificate is that a node with TLS shows; it signs itself and names the node's address.
    pub fn certificate(&self) -> Option<PathBuf> {
        self.certificate.clone()
    }
}

impl Faults for Cassandra {
    fn server(&self) -> &Server {
        &self.server
    }
}

/// Where a node is, and where it finds the others.
struct Place {
    address: Ipv4Addr,
    /// Whom it asks for the others; itself when it is the first or alone.
    seeds: Vec<Ipv4Addr>,
}

/// What every node runs.
pub(crate) struct Program {
    java: PathBuf,
    jars: PathBuf,
    /// Measures objects for the memtables; Cassandra does not start without it.
    agent: PathBuf,
}

/// Has it, first from the registry where it must be.
pub(crate) fn program(folder: &Folder) -> Result<Program> {
    launch::require(ENGINE)?;
    let java = java::java(folder, ENGINE)?;
    let jars = maven::jars(folder, &ARTEFACT)?;
    let files = fs::read_dir(&jars).map_err(Error::file(&jars))?.flatten();
    let is_agent = |name: &str| name.starts_with("jamm-") && name.ends_with(".jar");
    let agent = files.filter(|file| file.file_name().to_str().is_some_and(is_agent)).map(|file| file.path());
    let agent = agent.into_iter().next();
    let advice = || format!("`{}` has no jamm: remove that folder", jars.display());
    let agent = agent.ok_or_else(|| Error::missing(ENGINE, advice()))?;
    Ok(Program { java, jars, agent })
}

impl Program {
    fn node(&self, folder: &Path, place: &Place, options: &Options) -> Result<Launch> {
        settings::write(folder, place, options)?;
        let mut launch = Launch::new(&self.java).args(settings::MACHINE);
        launch.may_pin_memory = false;
        launch = launch.arg(format!("-javaagent:{}", self.agent.display())).args(settings::opened_modules());
        launch = launch.args(settings::properties(folder));
        let classes = format!("{}:{}/*", folder.join("conf").display(), self.jars.display());
        Ok(launch.arg("-cp").arg(classes).arg("org.apache.cassandra.service.CassandraDaemon"))
    }
}
