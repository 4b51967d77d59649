//! One server and its connections.
//!
//! Always: a call ends within the sum of its timeouts, and a connection on which something was left unfinished (given up
//! on, or its caller gone) is closed and not used again.

use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Object, Pool, PoolError};
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::dial::{Dialer, Role};
use crate::failure::{self, Failure};
use crate::meter;
use crate::{OpenError, ServerUrl};

/// Given to the server beyond the limit of a statement, to say that it ended it.
const GRACE: Duration = Duration::from_millis(250);

/// Values of a statement.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// One server.
pub(crate) struct Node {
    /// Its name in messages: the address, without credentials.
    name: String,
    pool: Pool,
    statement: Duration,
}

/// A connection that is closed unless it is given back.
struct Lease(Option<Object>);

impl Lease {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            meter::connection_dropped();
            drop::<ClientWrapper>(Object::take(object));
        }
    }
}

impl Node {
    pub(crate) fn new(dialer: &Dialer, url: &ServerUrl, role: Role) -> Result<Self, OpenError> {
        let statement = dialer.timeouts().statement;
        Ok(Self { name: url.to_string(), pool: dialer.pool(url, role)?, statement })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Executes one statement, which is a transaction of its own, in one round trip.
    pub(crate) async fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let lease = self.lease().await?;
        let Some(client) = lease.0.as_ref() else { return Err(Failure::silent(&self.name)) };
        let limit = self.statement + GRACE;
        let statement = match timeout(limit, client.prepare_cached(sql)).await {
            Ok(Ok(statement)) => statement,
            Ok(Err(error)) => return Err(self.unsent(error)),
            Err(_) => return Err(Failure::before(&self.name, "no answer in time", None)),
        };
        match timeout(limit, client.query(&statement, params)).await {
            Ok(Ok(rows)) => {
                lease.give_back();
                Ok(rows)
            }
            Ok(Err(error)) => {
                if failure::session_is_clean(&error) {
                    lease.give_back();
                }
                Err(Failure::sent(&self.name, error))
            }
            Err(_) => Err(Failure::silent(&self.name)),
        }
    }

    async fn lease(&self) -> Result<Lease, Failure> {
        let started = Instant::now();
        let object = self.pool.get().await;
        meter::pool_waited(started.elapsed());
        object.map(|object| Lease(Some(object))).map_err(|error| match error {
            PoolError::Backend(error) => self.unsent(error),
            other => Failure::before(&self.name, "no connection", Some(other.into())),
        })
    }

    /// A statement was only to be read, or a connection to be made: whatever the error, nothing was applied.
    fn unsent(&self, error: tokio_postgres::Error) -> Failure {
        match Failure::sent(&self.name, error) {
            Failure::NotApplied(report) | Failure::Unknown(report) => Failure::NotApplied(report),
            Failure::Full => Failure::Full,
        }
    }
}
