//! The session: which nodes are asked, at which levels, for how long, and behind which TLS.
//!
//! Always holds: no connection is opened to a node of a data centre that is never asked, so nobody waits for one there.

use crate::{CassandraOptions, OpenError, SerialLevel, TlsOptions};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use scylla::{
    client::{
        execution_profile::{ExecutionProfile, ExecutionProfileHandle},
        session::Session,
        session_builder::SessionBuilder,
    },
    cluster::metadata::Peer,
    policies::{
        host_filter::HostFilter, load_balancing::DefaultPolicy, retry::FallthroughRetryPolicy,
        timestamp_generator::MonotonicTimestampGenerator,
    },
    statement::{Consistency, SerialConsistency},
};
use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

/// How often a connection is asked whether its node still answers. The driver would ask every 30 seconds, and a node that
/// stands still would be asked, or be waited for while a store is opened, for a minute.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How long nodes may take to agree on the tables: one that missed a change asks for it a minute later.
const AGREEMENT_MAX: Duration = Duration::from_mins(3);

/// Opens a session to the local data centre. That there is one of that name, [`require_datacenters`] says.
pub(crate) async fn session(options: &CassandraOptions) -> Result<Session, OpenError> {
    options.validate()?;
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.contact_points)
        .connection_timeout(options.connect_timeout)
        .host_filter(Arc::new(Asked(options.places().cloned().collect())))
        .keepalive_interval(ASK_EVERY)
        // Not before the slowest request on it: what is under way ends with its connection.
        .keepalive_timeout(ASK_EVERY.max(options.request_timeout).max(options.conditional_timeout))
        .keyspaces_to_fetch([options.keyspace.clone()])
        .schema_agreement_timeout(AGREEMENT_MAX)
        // Blind inserts are stamped here, so that a repeated one is the same one. Conditional writes are stamped by
        // their ballots whatever is sent.
        .timestamp_generator(Arc::new(MonotonicTimestampGenerator::new()))
        .default_execution_profile_handle(of_carts(options));
    if !options.addresses.is_empty() {
        let addresses: HashMap<SocketAddr, SocketAddr> = options.addresses.clone().into_iter().collect();
        builder = builder.address_translator(Arc::new(addresses));
    }
    if let Some(tls) = &options.tls {
        builder = builder.tls_context(Some(Arc::new(client_config(tls)?)));
    }
    if let Some(credentials) = &options.credentials {
        builder = builder.user(&credentials.user, credentials.password.reveal());
    }
    let user = options.credentials.as_ref().map(|credentials| credentials.user.as_str());
    builder.build().await.map_err(|error| OpenError::of_session(error, &options.contact_points, user))
}

/// The data centres whose nodes are asked anything.
struct Asked(BTreeSet<String>);

impl HostFilter for Asked {
    fn accept(&self, peer: &Peer) -> bool {
        peer.datacenter.as_ref().is_some_and(|name| self.0.contains(name))
    }
}

/// How rows of carts and items are read and written: in the local data centre, and nowhere else.
fn of_carts(options: &CassandraOptions) -> ExecutionProfileHandle {
    let levels = (Consistency::LocalQuorum, SerialConsistency::LocalSerial);
    profile(&options.local_datacenter, levels, options.request_timeout)
}

/// How conditional writes of the own row are made.
pub(crate) fn of_own_rows(options: &CassandraOptions) -> ExecutionProfileHandle {
    let levels = (Consistency::LocalQuorum, SerialConsistency::LocalSerial);
    profile(&options.local_datacenter, levels, options.conditional_timeout)
}

/// How records are read and written: at their one level, and for `LOCAL_SERIAL` by nodes of its data centre.
pub(crate) fn of_records(options: &CassandraOptions) -> ExecutionProfileHandle {
    let (datacenter, levels) = match &options.serial {
        SerialLevel::Everywhere => {
            (&options.local_datacenter, (Consistency::Quorum, SerialConsistency::Serial))
        }
        SerialLevel::Home { datacenter } => {
            (datacenter, (Consistency::LocalQuorum, SerialConsistency::LocalSerial))
        }
    };
    profile(datacenter, levels, options.conditional_timeout)
}

/// Token-aware, in one data centre, tried once, and nothing sent twice for speed.
fn profile(
    datacenter: &str,
    (consistency, serial): (Consistency, SerialConsistency),
    timeout: Duration,
) -> ExecutionProfileHandle {
    let nodes =
        DefaultPolicy::builder().prefer_datacenter(datacenter.to_owned()).permit_dc_failover(false).build();
    ExecutionProfile::builder()
        .load_balancing_policy(nodes)
        .consistency(consistency)
        .serial_consistency(Some(serial))
        .request_timeout(Some(timeout))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .speculative_execution_policy(None)
        .build()
        .into_handle()
}

/// Refuses data centres that the cluster does not have: a region that writes as another breaks what rows rest on.
pub(crate) fn require_datacenters(session: &Session, options: &CassandraOptions) -> Result<(), OpenError> {
    require_datacenter(session, "local_datacenter", &options.local_datacenter)?;
    match &options.serial {
        SerialLevel::Everywhere => Ok(()),
        SerialLevel::Home { datacenter } => require_datacenter(session, "serial", datacenter),
    }
}

/// Refuses one that an option names and the cluster does not have.
pub(crate) fn require_datacenter(
    session: &Session,
    option: &'static str,
    asked: &str,
) -> Result<(), OpenError> {
    let state = session.get_cluster_state();
    let known: BTreeSet<&str> =
        state.get_nodes_info().iter().filter_map(|node| node.datacenter.as_deref()).collect();
    if known.contains(asked) {
        return Ok(());
    }
    let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Err(OpenError::Datacenter { option, asked: asked.to_owned(), known })
}

fn client_config(tls: &TlsOptions) -> Result<ClientConfig, OpenError> {
    let unusable = |error: Box<dyn std::error::Error + Send + Sync>| OpenError::Authorities(error);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(error.into()))?;
    let Some(pem) = &tls.authorities_pem else {
        let builder = builder.with_platform_verifier().map_err(|error| unusable(error.into()))?;
        return Ok(builder.with_no_client_auth());
    };
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| unusable(error.into()))?;
        authorities.add(certificate).map_err(|error| unusable(error.into()))?;
    }
    if authorities.is_empty() {
        return Err(unusable("no certificate is in it".into()));
    }
    Ok(builder.with_root_certificates(authorities).with_no_client_auth())
}
