//! Several nodes that are one cluster, in one data centre or more.
//!
//! All start at once and empty, and every one is a seed: nothing is streamed, and none has to wait for another. Always holds
//! once it has started: each node has read, at the consistency of all, a row that every node keeps a copy of. Each is an
//! ordinary child with [`Faults`](crate::Faults) of its own, and [`Cluster::mend`] undoes what was done to them.
//! Deliberately absent: nodes that join or leave later, racks, passwords and TLS.

use std::net::Ipv4Addr;
use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use super::frame::{self, Consistency};
use super::{Cassandra, ENGINE, NATIVE_PORT, Options, Place, Program, STORAGE_PORT, program};
use crate::launch::Lifetime;
use crate::server::start_anew_where_taken;
use crate::{Error, Faults, Folder, Result, port, wait_until};

/// How long nodes may take until all see each other. One that was away is noticed by the next gossip, within seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// A row of no trace: only who answers matters.
const OF_ALL: &str = "SELECT session_id FROM system_traces.sessions \
                      WHERE session_id = 00000000-0000-1000-8000-000000000000";

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Each with the name of its data centre.
    nodes: Vec<(String, Cassandra)>,
}

impl Cluster {
    /// Starts as many nodes as each data centre is to have. Traces have a copy on every node. On two cores, four nodes
    /// take some 20 seconds and 1.2 GB.
    ///
    /// # Errors
    ///
    /// When a node cannot be had, does not answer, or does not see the others.
    pub fn start(datacenters: &[(&str, usize)]) -> Result<Self> {
        let folder = Folder::find()?;
        let program = program(&folder)?;
        start_anew_where_taken(|| {
            let cluster = Self { nodes: nodes(&program, &folder, datacenters)? };
            cluster.trace_everywhere(datacenters)?;
            cluster.settle()?;
            Ok(cluster)
        })
    }

    /// The nodes of a data centre.
    pub fn nodes(&self, datacenter: &str) -> Vec<&Cassandra> {
        self.nodes.iter().filter(|(of, _)| of == datacenter).map(|(_, node)| node).collect()
    }

    /// Lets nodes that were paused go on, starts those that ended again, and waits until all reach each other.
    ///
    /// # Errors
    ///
    /// When a node does not answer, or does not see the others.
    pub fn mend(&self) -> Result<()> {
        let mend = |node: &Cassandra| {
            node.resume()?;
            if node.server.identity().is_none() { node.restart() } else { Ok(()) }
        };
        at_once(self.nodes.iter().map(|(_, node)| move || mend(node)))?;
        self.settle()
    }

    /// Waits until every node is there and reaches every other.
    fn settle(&self) -> Result<()> {
        self.nodes.iter().try_for_each(|(_, node)| answered(node, OF_ALL, Consistency::All))
    }

    /// Only a node that knows all data centres accepts their names, so this waits until one does.
    fn trace_everywhere(&self, datacenters: &[(&str, usize)]) -> Result<()> {
        let Some((_, first)) = self.nodes.first() else { return Ok(()) };
        let copies: String = datacenters.iter().map(|(name, nodes)| format!(", '{name}': {nodes}")).collect();
        let alter = format!(
            "ALTER KEYSPACE system_traces WITH replication = {{'class': 'NetworkTopologyStrategy'{copies}}}"
        );
        answered(first, &alter, Consistency::One)
    }
}

/// Asks a node again and again until it does what it is asked.
fn answered(node: &Cassandra, statement: &str, consistency: Consistency) -> Result<()> {
    let mut answer = String::new();
    let is_done = wait_until(PATIENCE, || match frame::execute(node.address(), statement, consistency) {
        Ok(()) => true,
        Err(error) => {
            answer = error.to_string();
            false
        }
    });
    if is_done {
        return Ok(());
    }
    let (seconds, log) = (PATIENCE.as_secs(), node.log_path().to_owned());
    Err(Error::Silent { engine: ENGINE, seconds, answer, log, tail: node.server.tail() })
}

/// Starts all of them at once; when one fails, the others end.
fn nodes(
    program: &Program,
    folder: &Folder,
    datacenters: &[(&str, usize)],
) -> Result<Vec<(String, Cassandra)>> {
    let names = datacenters.iter().flat_map(|(name, nodes)| std::iter::repeat_n(*name, *nodes));
    let placed: Vec<(&str, Ipv4Addr)> =
        names.map(|name| (name, port::free_address(&[NATIVE_PORT, STORAGE_PORT]))).collect();
    let seeds: Vec<Ipv4Addr> = placed.iter().map(|(_, address)| *address).collect();
    at_once(placed.iter().map(|(name, address)| {
        let options = Options { datacenter: (*name).to_owned(), ..Options::default() };
        let place = Place { address: *address, seeds: seeds.clone() };
        move || {
            let folder = folder.owned("cassandra")?;
            let node = Cassandra::placed(program, &options, &place, Lifetime::Owned, folder)?;
            Ok((options.datacenter, node))
        }
    }))
}

/// Does all of it at once and waits for all, also where one fails.
fn at_once<T: Send>(work: impl Iterator<Item = impl FnOnce() -> Result<T> + Send>) -> Result<Vec<T>> {
    thread::scope(|scope| {
        let begun: Vec<_> = work.map(|one| scope.spawn(one)).collect();
        begun.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}
