//! Which shard serves which slot, as the shards themselves know it.
//!
//! Always: a slot is `here` on one shard at most. The list of shards in the configuration says where to look, and in what
//! order; it never says who has what, so two nodes with different lists cannot both write a slot.

use std::collections::BTreeSet;

use tokio_postgres::Client;
use uuid::Uuid;

use crate::dial::{Dialer, Line, Role};
use crate::slot::{Ranges, SLOTS, Slot};
use crate::{OpenError, PostgresOptions, ServerUrl, schema};

/// What a shard knows of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) cluster: Uuid,
    number: i16,
    founders: i16,
}

/// What is known of a shard that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardReport {
    /// Its address, without credentials.
    pub server: String,
    /// How many of the 1,024 slots it serves.
    pub slots_here: usize,
    /// Those that are on their way to it or from it: move them once more to bring that to an end.
    pub slots_between: Vec<Slot>,
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
        schema::lock_patiently(&line.client, &shard.primary, &dialer).await?;
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
    let mut reports = Vec::new();
    let mut maps = Vec::new();
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
        let (here, between) = slots(&line.client, url).await?;
        reports.push(ShardReport {
            server: url.to_string(),
            slots_here: here.len(),
            slots_between: between.iter().copied().collect(),
        });
        maps.push((here, between));
    }
    whole(&maps)?;
    Ok(reports)
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

/// The slots that are here, and those that are on their way.
async fn slots(client: &Client, url: &ServerUrl) -> Result<(BTreeSet<Slot>, BTreeSet<Slot>), OpenError> {
    let refused = |error| OpenError::refused(url, "to say which slots it has", error);
    let asked = "SELECT slot, state FROM slots WHERE state <> 'away'";
    let (mut here, mut between) = (BTreeSet::new(), BTreeSet::new());
    for row in client.query(asked, &[]).await.map_err(refused)? {
        let Some(slot) = Slot::from_stored(row.get(0)) else { continue };
        if row.get::<_, &str>(1) == "here" {
            here.insert(slot)
        } else {
            between.insert(slot)
        };
    }
    Ok((here, between))
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

/// Every slot is somewhere, and nowhere twice.
fn whole(maps: &[(BTreeSet<Slot>, BTreeSet<Slot>)]) -> Result<(), OpenError> {
    let mut missing: BTreeSet<Slot> = Slot::all().collect();
    let mut twice = BTreeSet::new();
    for (here, _) in maps {
        twice.extend(here.iter().copied().filter(|slot| !missing.contains(slot)));
        missing.retain(|slot| !here.contains(slot));
    }
    maps.iter().for_each(|(_, between)| missing.retain(|slot| !between.contains(slot)));
    if !twice.is_empty() {
        let problem = format!(
            "slots {} are on two shards: one of them came back from before a move, restore it anew",
            Ranges(&twice)
        );
        return Err(OpenError::Layout(problem));
    }
    if !missing.is_empty() {
        let problem = format!(
            "{} of {SLOTS} slots are on no shard of the list ({}): is a shard missing from it?",
            missing.len(),
            Ranges(&missing)
        );
        return Err(OpenError::Layout(problem));
    }
    Ok(())
}
