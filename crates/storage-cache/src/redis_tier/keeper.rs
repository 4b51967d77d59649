//! Keeps the connection to Redis: makes it, probes it, pays what is owed over it, and makes it anew.
//!
//! No request waits for any of this. Always holds: before a connection is used, the values of another run of the server
//! are given up and the channel is listened to. What is owed is paid over a connection that is used already, for carts
//! that are owed are not asked for: else a node that writes much would owe as fast as it pays, and never come back.

use super::{RedisTier, asking::new_epoch, link::Session};
use crate::{CacheError, Coherence, RedisOptions, message::Message, meter};
use futures::future::join_all;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, ProtocolVersion, PushInfo,
    RedisError, RedisResult, TlsCertificates,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// Between two looks at a connection: what bounds how long a loss goes unnoticed.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// For an answer, where no request waits for it.
const PATIENCE: Duration = Duration::from_millis(500);
/// For a connection.
const CONNECT: Duration = Duration::from_secs(1);
/// Between two attempts to connect: at first, and at most.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// A connection that lived shorter was not a good one.
const STEADY: Duration = Duration::from_secs(10);
/// Carts that are paid at a time.
const BATCH: usize = 200;

/// What connects.
pub(super) fn client(options: &RedisOptions) -> Result<Client, CacheError> {
    let info = options.url.as_str().into_connection_info().map_err(|_| CacheError::Url)?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(settings);
    // Not by how the URL begins: the client knows more than one name for TLS.
    if !matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        return Client::open(info).map_err(|_| CacheError::Url);
    }
    if options.certificate.as_deref().is_some_and(|pem| !is_certificate(pem)) {
        return Err(CacheError::Certificate);
    }
    // Whoever runs us has chosen one already, or has no wish.
    drop(rustls::crypto::ring::default_provider().install_default());
    let certificates = TlsCertificates { client_tls: None, root_cert: options.certificate.clone() };
    Client::build_with_tls(info, certificates).map_err(|_| CacheError::Certificate)
}

/// The client would take junk, and then trust nobody.
fn is_certificate(pem: &[u8]) -> bool {
    let mut trusted = rustls::RootCertStore::empty();
    let mut all = CertificateDer::pem_slice_iter(pem);
    let are_read = all.all(|one| one.is_ok_and(|one| trusted.add(one).is_ok()));
    are_read && !trusted.is_empty()
}

impl RedisTier {
    /// The first connection: one that is refused is a mistake of whoever configured it.
    pub(super) async fn connect_first(self: &Arc<Self>) -> Result<(), CacheError> {
        match self.rise().await {
            Ok(()) => Ok(()),
            Err(error) => match refusal(error) {
                Ok(refused) => Err(refused),
                Err(error) => {
                    tracing::warn!("redis cannot be reached, the cache starts without it: {}", told(&error));
                    meter::redis_is_up(false);
                    Ok(())
                }
            },
        }
    }

    /// Runs for as long as the cache is used.
    pub(super) async fn keep(self: Arc<Self>) {
        let (mut pause, mut since) = (PAUSE, Instant::now());
        loop {
            meter::redis_owes(self.owed.len());
            let Some(session) = self.link.session() else {
                if since.elapsed() < STEADY {
                    tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                match self.rise().await {
                    Ok(()) => {
                        tracing::info!("redis is used again");
                        self.wake.notify_one();
                    }
                    Err(error) => tracing::debug!("redis still cannot be used: {error}"),
                }
                since = Instant::now();
                continue;
            };
            drop(timeout(HEARTBEAT, self.wake.notified()).await);
            self.look_after(&session).await;
            if since.elapsed() > STEADY {
                pause = PAUSE;
            }
        }
    }

    async fn look_after(&self, session: &Session) {
        let mut connection = session.connection.clone();
        let settled = self.settle(session).await;
        // Whatever was published before is read before the answer to this.
        let alive = match settled {
            Ok(()) => in_time(PATIENCE, redis::cmd("PING").query_async::<()>(&mut connection)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = alive {
            meter::redis_failed();
            self.lose(session.serial, &error);
        }
    }

    /// Makes a connection, and uses it.
    async fn rise(self: &Arc<Self>) -> RedisResult<()> {
        let session = self.connect().await?;
        // One that is too slow for requests is not used; this is the probe of the breaker.
        let mut connection = session.connection.clone();
        in_time(self.options.timeout, redis::cmd("PING").query_async::<()>(&mut connection)).await?;
        match self.link.up(session, || self.listen()) {
            true => Ok(()),
            false => Err(RedisError::from((ErrorKind::Io, "the connection broke"))),
        }
    }

    fn listen(&self) {
        if let Some(local) = self.local.as_ref().filter(|_| self.coherence != Coherence::Aged) {
            local.go_on();
        }
    }

    async fn connect(self: &Arc<Self>) -> RedisResult<Session> {
        let serial = self.link.next_serial();
        let tier = Arc::downgrade(self);
        let push = move |push: PushInfo| {
            if let Some(tier) = tier.upgrade() {
                tier.pushed(serial, push);
            }
            Ok::<(), Infallible>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(PATIENCE))
            .set_push_sender(push);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = in_time(CONNECT * 2, connecting).await?;
        if self.coherence != Coherence::Aged && self.local.is_some() {
            connection.subscribe(&self.channel).await?;
        }
        for script in self.scripts.hot() {
            script.prepare_invoke().load_async(&mut connection).await?;
        }
        let info: RedisResult<String> = redis::cmd("INFO").arg("server").query_async(&mut connection).await;
        let info = info.ok();
        if info.as_ref().is_some_and(|info| info.contains("redis_mode:cluster")) {
            return Err(RedisError::from((ErrorKind::ClusterConnectionNotFound, "redis is a cluster")));
        }
        // Where we may not ask, every connection counts as one to another run.
        let run =
            info.and_then(|info| run_in(&info)).unwrap_or_else(|| format!("{:x}", rand::random::<u64>()));
        let session = Session { connection, serial, run: run.into() };
        self.turn_epoch(&session, false).await?;
        Ok(session)
    }

    /// Gives up all values: always, or where they are of another run of the server.
    async fn turn_epoch(&self, session: &Session, always: bool) -> RedisResult<()> {
        let mut ask = self.scripts.epoch.key(self.epoch_key());
        ask.arg(new_epoch(session)).arg(format!("{}:", session.run)).arg(u8::from(always));
        ask.arg(&self.channel).arg(Message::Everything.encode(self.node));
        let mut connection = session.connection.clone();
        in_time(PATIENCE, ask.invoke_async(&mut connection)).await
    }

    /// Takes out of Redis what is owed, while this connection is used: over one that is not, there would be no end to it.
    async fn settle(&self, session: &Session) -> RedisResult<()> {
        if let Some(debt) = self.owed.everything().filter(|debt| debt.block().is_zero()) {
            self.turn_epoch(session, true).await?;
            self.owed.paid_everything(debt);
        }
        loop {
            let some = self.owed.some(BATCH);
            if some.is_empty() || !self.link.uses(session.serial) {
                return Ok(());
            }
            let paying = some.into_iter().map(async |(cart, debt)| {
                let mut ask = self.on(&self.scripts.forget, session, cart);
                self.say_written(&mut ask, cart, debt.block());
                let mut connection = session.connection.clone();
                in_time(PATIENCE, ask.invoke_async::<u8>(&mut connection)).await?;
                self.owed.paid(cart, debt);
                self.meter.invalidated();
                Ok(())
            });
            join_all(paying).await.into_iter().collect::<RedisResult<()>>()?;
        }
    }
}

/// What went wrong, and what to do where waiting does not help. Which it was the client tells in words alone.
fn told(error: &RedisError) -> String {
    let told = error.to_string();
    match told.contains("invalid peer certificate") {
        true => format!(
            "{told}: check which authorities are trusted for it, and that its certificate names the host of the url"
        ),
        false => told,
    }
}

/// The id of the run in what `INFO server` answers.
fn run_in(info: &str) -> Option<String> {
    info.lines().find_map(|line| line.strip_prefix("run_id:")).map(|id| id.trim().to_owned())
}

async fn in_time<T>(time: Duration, work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let late = || RedisError::from((ErrorKind::Io, "no answer in time"));
    timeout(time, work).await.unwrap_or_else(|_| Err(late()))
}

/// What a first connection that failed says of the configuration; else the error as it was.
fn refusal(error: RedisError) -> Result<CacheError, RedisError> {
    match error.kind() {
        ErrorKind::AuthenticationFailed => Ok(CacheError::Credentials(error)),
        ErrorKind::RESP3NotSupported => Ok(CacheError::TooOld(error)),
        ErrorKind::ClusterConnectionNotFound => Ok(CacheError::Cluster),
        ErrorKind::InvalidClientConfig | ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            Ok(CacheError::Refused(error))
        }
        _ => match error.code() {
            Some("NOAUTH" | "WRONGPASS" | "NOPERM") => Ok(CacheError::Credentials(error)),
            Some(
                "LOADING" | "BUSY" | "BUSYLOADING" | "TRYAGAIN" | "CLUSTERDOWN" | "MASTERDOWN" | "MISCONF",
            )
            | None => Err(error),
            Some(_) => Ok(CacheError::Refused(error)),
        },
    }
}
