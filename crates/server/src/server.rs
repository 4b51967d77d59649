//! A running server: listen, serve, drain, stop. Commands and tests start it the same way.

use crate::{
    auth::{FetchError, Identity},
    config::Config,
    connections::{self, Limits},
    http::{AppState, Entrance, refusal::Refusals},
    keys::live::LiveKeys,
    telemetry,
    wiring::{Wired, WiringError, wire},
};
use std::{io, net::SocketAddr, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle};

/// A server that is listening.
pub struct Server {
    /// Where.
    pub address: SocketAddr,
    state: AppState,
    wired: Wired,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// How often a server that stops looks whether all is done that goes on behind answers.
const BEHIND_POLLED: Duration = Duration::from_millis(5);
/// How long it looks. A store that failed never takes what is left.
const BEHIND_MAX: Duration = Duration::from_secs(2);

/// Why a server cannot start. The message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The store or the keys are not to be had.
    #[error(transparent)]
    Wiring(#[from] WiringError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: choose another with --listen")]
    Listen {
        /// Where it was tried.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The keys of the identity provider are not where configuration says.
    #[error("`auth.jwt.jwks_file` gives no keys")]
    Identity(#[from] FetchError),
    /// Metrics cannot be collected.
    #[error("{0}")]
    Setup(String),
}

impl Server {
    /// Opens the store and starts to listen; ready when this returns.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        // First: what is said of an engine or a cache when it is opened may not be said again.
        let metrics = telemetry::collect().map_err(|error| ServerError::Setup(error.to_string()))?;
        let wired = wire(&config).await?;
        let keys = LiveKeys::follow(&config.data, &wired.keys).map_err(WiringError::from)?;
        let linear = wired.service.stores().linear.clone();
        let identity = Identity::start(keys.clone(), &config.auth, linear).await?;
        let failed = |source| ServerError::Listen { address: config.listen, source };
        let limits = Limits::new(&config.http, connections::raise());
        let listener = connections::listen(config.listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let refusals = Refusals::new(&config);
        let state = AppState::new(&wired, keys, identity, config, metrics);
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let serving = connections::serve(listener, Entrance::new(state.clone()), refusals, limits, stopped);
        let serving = tokio::spawn(serving);
        Ok(Self { address, state, wired, stop, serving })
    }

    /// The state that handlers share.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// Takes no new connections, lets requests under way end for as long as is configured, and closes the store.
    pub async fn stop(self) {
        self.state.drain();
        self.stop.send(()).ok();
        let patience = Duration::from_secs(self.state.config.http.drain_seconds);
        if tokio::time::timeout(patience, self.serving).await.is_err() {
            tracing::warn!(seconds = patience.as_secs(), "some requests did not end in time");
        }
        let told = async {
            while !self.wired.service.has_told_names() {
                tokio::time::sleep(BEHIND_POLLED).await;
            }
        };
        if tokio::time::timeout(BEHIND_MAX, told).await.is_err() {
            tracing::warn!("names of some carts are not remembered until these are changed again");
        }
        self.wired.stop().await;
    }

    /// Waits until the store has failed for good, so that the process can end and be started anew.
    pub async fn store_failed(&self) -> String {
        let mut every = tokio::time::interval(Duration::from_millis(250));
        loop {
            every.tick().await;
            if let Some(why) = self.wired.engine.failure() {
                return why;
            }
        }
    }
}
