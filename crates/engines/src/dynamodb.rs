//! DynamoDB Local, the vendor's own, from Maven's registry.
//!
//! It listens on all interfaces and has no setting for that. It takes any credentials, and simulates neither throttling
//! nor stale reads. One that keeps its tables in memory loses them with a kill.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::launch::{Launch, Lifetime};
use crate::provision::java;
use crate::provision::maven::{self, Artefact};
use crate::server::{Recipe, Server, start_anew_where_taken, unless_silent};
use crate::{Faults, Folder, Result, launch, port};

const ENGINE: &str = "DynamoDB Local";

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) const ARTEFACT: Artefact =
    Artefact { engine: ENGINE, group: "com.amazonaws", name: "DynamoDBLocal", version: "2.6.1" };

/// The region that callers name; any would do, since tables are shared.
pub const REGION: &str = "us-east-1";

/// How a server is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Whether tables are files and survive a kill. Writes are six times slower than in memory.
    pub on_disk: bool,
}

/// A running DynamoDB Local.
#[derive(Debug)]
pub struct DynamoDb {
    server: Server,
    address: SocketAddr,
}

impl DynamoDb {
    /// Starts one in memory.
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
        start_anew_where_taken(|| {
            Self::started(&program, options, Lifetime::Owned, folder.owned("dynamodb")?)
        })
    }

    pub(crate) fn started(
        program: &Launch,
        options: Options,
        lifetime: Lifetime,
        folder: PathBuf,
    ) -> Result<Self> {
        let port = port::free();
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let keep: &[&str] = if options.on_disk { &["-dbPath", "."] } else { &["-inMemory"] };
        let launch = program.clone().args(["-port", &port.to_string(), "-sharedDb", "-disableTelemetry"]);
        let launch = launch.args(keep.iter().copied());
        let ready = Box::new(move || unless_silent(answers(address)));
        let within = Duration::from_mins(1);
        let server = Server::start(Recipe { engine: ENGINE, launch, folder, lifetime, ready, within })?;
        Ok(Self { server, address })
    }

    /// `http://127.0.0.1:PORT`, the endpoint of every region.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Faults for DynamoDb {
    fn server(&self) -> &Server {
        &self.server
    }
}

/// The program with everything but what one server differs in from another.
pub(crate) fn program(folder: &Folder) -> Result<Launch> {
    launch::require(ENGINE)?;
    let java = java::java(folder, ENGINE)?;
    let jars = maven::jars(folder, &ARTEFACT)?;
    let small = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
    let launch = Launch::new(java).args(small).arg(format!("-Djava.library.path={}", jars.display()));
    let launch = launch.arg("-cp").arg(format!("{}/*", jars.display()));
    Ok(launch.arg("com.amazonaws.services.dynamodbv2.local.main.ServerRunner"))
}

/// Whether `ListTables` is answered. Any signature is taken, but there must be one.
pub(crate) fn answers(address: SocketAddr) -> bool {
    let credential = format!("AWS4-HMAC-SHA256 Credential=local/20200101/{REGION}/dynamodb/aws4_request");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 2\r\n\
         content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.ListTables\r\n\
         authorization: {credential}, SignedHeaders=host, Signature=none\r\n\r\n{{}}"
    );
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200") && answer.contains("TableNames"))
}
