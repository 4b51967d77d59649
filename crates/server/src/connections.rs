//! Connections: taken, bounded, watched, and ended.
//!
//! What always holds: no client, however slow, holds a place for longer than its patience; there are never more
//! connections than places; and what the server cannot take it refuses before it has looked at more than a head.
//! Connections beyond [`Limits::connections_max`] wait in a small anteroom for their one answer, and once that is full as
//! well they are left in the system's backlog, where they cost nothing.
//!
//! Deliberately absent: TLS and HTTP/2, which are a proxy's work; and hyper's own time limit for headers, which makes and
//! drops a timer with every request and does not tell a slow head from an idle connection. [`watched`] keeps one timer a
//! connection, and touches it when it has run out.

mod arrival;
mod descriptors;
mod door;
mod gate;
mod watched;

pub(crate) use self::{arrival::TooSlow, descriptors::raise};

use self::{
    arrival::Pace,
    door::{Door, Visitor},
    gate::Gate,
    watched::{Patience, Phase, Watched},
};
use crate::{config::Http, http::refusal::Refusals};
use axum::{extract::Request, response::Response, serve::Listener};
use futures::future::BoxFuture;
use hyper::server::conn::http1;
use hyper_util::{
    rt::TokioIo,
    server::graceful::{GracefulShutdown, Watcher},
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// Connections that are open, those in the anteroom included.
pub(crate) const OPEN: &str = "evercart_connections";
/// Requests that were not let in, by reason.
pub(crate) const REFUSED: &str = "evercart_refused_total";

/// Connections that the system completes before they are accepted; what it allows may be less.
const BACKLOG: u32 = 4_096;
/// Connections beyond the limit that are being told so at once.
const ANTEROOM: usize = 128;
/// How long one of those may take for its request.
const ANTEROOM_PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of a head beyond the limit that are still read, so that its sender is told in full.
const HEADER_EXCESS: usize = 64 * 1024;

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    connections_max: usize,
    requests_max: usize,
    header_bytes_max: usize,
    patience: Patience,
    pace: Pace,
}

impl Limits {
    /// As configured, and as far as `descriptors` go.
    pub(crate) fn new(http: &Http, descriptors: Option<u64>) -> Self {
        let room = descriptors.map_or(usize::MAX, descriptors::for_connections);
        if room < http.connections_max {
            let wanted = http.connections_max;
            tracing::warn!(
                connections_max = room,
                "the limit of open files allows fewer connections than `http.connections_max` = {wanted}: raise it \
                 (`LimitNOFILE=` of systemd, `ulimit -Hn`)"
            );
        }
        Self {
            connections_max: http.connections_max.min(room),
            requests_max: http.requests_max,
            header_bytes_max: http.header_bytes_max,
            patience: Patience {
                idle: Duration::from_secs(http.idle_seconds),
                head: Duration::from_secs(http.header_seconds),
            },
            pace: Pace {
                base: Duration::from_secs(http.body_seconds),
                bytes_per_second_min: http.body_bytes_per_second_min,
            },
        }
    }
}

/// Listens, with room in the backlog for a burst.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart does not wait for the connections of the process before it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What answers requests that the door has let in. It is always ready: how many there may be is decided here.
pub(crate) trait Inside: Send + Sync + 'static {
    /// The answer to a request that came from this peer: the client, or a proxy before it.
    fn answer(&self, request: Request, peer: SocketAddr) -> BoxFuture<'static, Response>;
}

/// Serves until it is told to stop; then ends what is idle, and returns once all that is under way has ended.
pub(crate) async fn serve(
    mut listener: TcpListener,
    inside: impl Inside,
    refusals: Refusals,
    limits: Limits,
    stopped: impl Future<Output = ()>,
) {
    let serving = Serving::new(inside, refusals, limits);
    let draining = GracefulShutdown::new();
    let accepting = async {
        loop {
            // Nobody is accepted for whom there is no place at all.
            let Ok(anteroom) = serving.anteroom.clone().acquire_owned().await else { return };
            let (stream, peer) = Listener::accept(&mut listener).await;
            // Answers are small and complete: waiting to fill a packet only delays them.
            drop(stream.set_nodelay(true));
            let place = match serving.places.clone().try_acquire_owned() {
                Ok(seat) => Place { is_seat: true, _held: seat },
                Err(_) => Place { is_seat: false, _held: anteroom },
            };
            tokio::spawn(serving.connection(stream, peer, place, draining.watcher()));
        }
    };
    tokio::select! {
        () = accepting => (),
        () = stopped => (),
    }
    drop(listener);
    draining.shutdown().await;
}

/// What a connection has been given, until it ends.
struct Place {
    /// Or one in the anteroom: for one answer, which is a refusal unless it is for whoever runs the server.
    is_seat: bool,
    _held: OwnedSemaphorePermit,
}

/// What all connections share.
struct Serving {
    door: Arc<Door>,
    limits: Limits,
    places: Arc<Semaphore>,
    anteroom: Arc<Semaphore>,
    open: metrics::Gauge,
}

impl Serving {
    fn new(inside: impl Inside, refusals: Refusals, limits: Limits) -> Self {
        let gate = Arc::new(Gate::new(limits.requests_max));
        Self {
            door: Arc::new(Door::new(Box::new(inside), refusals, gate, limits)),
            limits,
            places: Arc::new(Semaphore::new(limits.connections_max)),
            anteroom: Arc::new(Semaphore::new(ANTEROOM)),
            open: metrics::gauge!(OPEN),
        }
    }

    fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        place: Place,
        draining: Watcher,
    ) -> impl Future<Output = ()> + use<> {
        let patience = self.limits.patience;
        let patience = if place.is_seat { patience } else { patience.at_most(ANTEROOM_PATIENCE) };
        let phase = Phase::default();
        let visitor = Visitor::new(self.door.clone(), peer, place.is_seat, phase.clone());
        let connection = http1::Builder::new()
            .keep_alive(place.is_seat)
            .max_buf_size(self.limits.header_bytes_max + HEADER_EXCESS)
            .serve_connection(TokioIo::new(Watched::new(stream, phase, patience)), visitor);
        let open = self.open.clone();
        async move {
            open.increment(1.0);
            if let Err(error) = draining.watch(connection).await {
                // A client that went away, was too slow or spoke no HTTP: not ours to mend.
                tracing::trace!(error = &error as &dyn std::error::Error, "connection ended");
            }
            open.decrement(1.0);
            drop(place);
        }
    }
}

#[cfg(test)]
mod tests;
