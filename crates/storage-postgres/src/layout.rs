//! Which shard serves which slot, as the shards themselves know it.
//!
//! Always: a slot is `here` on one shard at most. The list of shards in the configuration says where to look, and in what
//! order; it never says who has what, so two nodes with different lists cannot both write a slot.

use tokio_postgres::Client;
use uuid::Uuid;

use crate::dial::{Dialer, Line, Role};
use crate::slot::Slot;
use crate::whereabouts::{self, ShardReport};
use crate::{OpenError, PostgresOptions, ServerUrl, schema};

/// For another process that does the same.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// What a shard knows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) cluster: Uuid,
    number: i16,
    founders: i16,
}

/// Makes the tables on every shard, or brings them to this release's version, and tells each shard what it is. On a new
/// cluster the slots are spread evenly; a shard that is added to one serves nothing until slots are moved to it. Doing it
/// again changes nothing.
///
/// # Errors
/// Whatever keeps a shard from being used. Shards before it in the list are done.
pub async fn init(options: &PostgresOptions) -> Result<Vec<ShardReport>, OpenError> {
    let dialer = crate::engine::dialer(options)?;
    let mut first = None;
    for (number, shard) in options.shards.iter().enumerate() {
        let mut line = change_line(&dialer, &shard.primary).await?;
        schema::lock(&line.client, &shard.primary, &dialer, PATIENCE).await?;
        schema::migrate(&mut line.client, &shard.primary, &dialer).await?;
        let identity = found(&mut line.client, &shard.primary, number, options.shards.len(), first).await?;
        first = first.or(Some(identity));
    }
    check(options).await
}

/// Looks at every shard: schema, settings of the server, list and slots.
///
/// # Errors
/// What would keep the engine from opening.
pub async fn check(options: &PostgresOptions) -> Result<Vec<ShardReport>, OpenError> {
    let dialer = crate::engine::dialer(options)?;
    let mut lines = Vec::new();
    let mut cluster = None;
    for (number, shard) in options.shards.iter().enumerate() {
        let url = &shard.primary;
        let line = dialer.line(url, Role::Primary, dialer.timeouts().statement).await?;
        schema::version(&line.client, url, &dialer).await?;
        schema::durable(&line.client, url, options.accept_loss).await?;
        let identity = identity(&line.client, url).await?;
        let Some(identity) = identity else {
            return Err(OpenError::SchemaMissing { server: url.to_string(), schema: options.schema.clone() });
        };
        fits(identity, number, *cluster.get_or_insert(identity.cluster), url)?;
        lines.push((line, url));
    }
    whereabouts::look(&lines).await
}

/// A connection for changes of the layout, which may take longer than a request.
pub(crate) async fn change_line(dialer: &Dialer, url: &ServerUrl) -> Result<Line, OpenError> {
    dialer.line(url, Role::Primary, std::time::Duration::from_secs(120)).await
}

/// What a shard knows of itself; nothing of a new one.
pub(crate) async fn identity(client: &Client, url: &ServerUrl) -> Result<Option<Identity>, OpenError> {
    let refused = |error| OpenError::refused(url, "to say which shard it is", error);
    let row = client.query_opt("SELECT cluster, number, founders FROM shard", &[]).await.map_err(refused)?;
    Ok(row.map(|row| Identity { cluster: row.get(0), number: row.get(1), founders: row.get(2) }))
}

/// Tells a new shard what it is; of one that knows, asks whether it is in its place.
async fn found(
    client: &mut Client,
    url: &ServerUrl,
    number: usize,
    listed: usize,
    first: Option<Identity>,
) -> Result<Identity, OpenError> {
    if let Some(identity) = identity(client, url).await? {
        fits(identity, number, first.map_or(identity.cluster, |first| first.cluster), url)?;
        return Ok(identity);
    }
    let refused = |error| OpenError::refused(url, "to be told which shard it is", error);
    let founders = first.map_or(listed, |first| usize::try_from(first.founders).unwrap_or(listed));
    let transaction = client.transaction().await.map_err(refused)?;
    let cluster = match first {
        Some(first) => first.cluster,
        None => transaction.query_one("SELECT gen_random_uuid()", &[]).await.map_err(refused)?.get(0),
    };
    let small = |number: usize| i16::try_from(number).unwrap_or(i16::MAX);
    let identity = Identity { cluster, number: small(number), founders: small(founders) };
    let insert = "INSERT INTO shard (cluster, number, founders) VALUES ($1, $2, $3)";
    let values: crate::node::Params<'_> = &[&identity.cluster, &identity.number, &identity.founders];
    transaction.execute(insert, values).await.map_err(refused)?;
    let here: Vec<i16> =
        Slot::all().filter(|slot| slot.founder(founders) == number).map(Slot::stored).collect();
    let insert = "INSERT INTO slots (slot, state) \
                  SELECT slot, CASE WHEN slot = ANY ($1) THEN 'here' ELSE 'away' END \
                  FROM generate_series(0, 1023) AS slot";
    let here: Vec<i32> = here.into_iter().map(i32::from).collect();
    transaction.execute(insert, &[&here]).await.map_err(refused)?;
    transaction.commit().await.map_err(refused)?;
    client.batch_execute("ANALYZE slots").await.map_err(refused)?;
    Ok(identity)
}

fn fits(identity: Identity, number: usize, cluster: Uuid, url: &ServerUrl) -> Result<(), OpenError> {
    if identity.cluster != cluster {
        let problem = format!("`{url}` belongs to another cluster than the first of the list");
        return Err(OpenError::Layout(problem));
    }
    if usize::try_from(identity.number).ok() != Some(number) {
        let problem = format!(
            "`{url}` is shard {} and stands in place {number}: list the shards in the order in which they were added",
            identity.number
        );
        return Err(OpenError::Layout(problem));
    }
    Ok(())
}
