//! Moves slots from one shard to another, while carts and checkouts go on.
//!
//! What always holds:
//! - S1: a slot is `here` on one shard at most.
//! - S2: a statement touches rows of a slot only where it is `here`, and no statement that saw it `here` is running when
//!   it has left. It looks at the table `slots` in the snapshot in which it works, and holds that table's lock since before
//!   it took the snapshot; a slot leaves under the lock that excludes all of them.
//! - S3: a slot becomes `here` only after the rows at the new shard equal those at the old one, while both serve none.
//!
//! So no write is lost: one that was acknowledged was committed before the slot left, and is copied; one that comes later
//! finds the slot elsewhere, has done nothing, and is sent there. The price: a slot is served by nobody while it is copied,
//! a fraction of a second for ten thousand carts, and calls wait for it.
//!
//! ```text
//! from: here ──────────── leaving ──────────────────────────── away
//! to:   away ── arriving ───────── rows are made equal ── here
//! ```
//! Whoever stops anywhere leaves the slot unserved at worst; the same move, done again, brings it to an end.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::{SinkExt, StreamExt, pin_mut};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Transaction};

use crate::dial::Line;
use crate::layout::{change_line, check, identity};
use crate::plan::Move;
use crate::slot::Slot;
use crate::{OpenError, PostgresOptions, ServerUrl, schema};

/// Tables with slots, and their columns in the order in which they are copied.
const TABLES: [(&str, &str); 3] = [
    ("snapshots", "cart, owner, slot, version, folded_through, bytes"),
    ("deltas", "cart, owner, bucket, writer, seq, value_hash, slot, bytes"),
    ("records", "kind, key, slot, version, due, bytes"),
];
/// Other statements wait behind the one that waits for the lock, so it waits for no longer than this, and rests.
const LOCK: &str = "SET LOCAL lock_timeout = '300ms'; LOCK TABLE slots IN ACCESS EXCLUSIVE MODE";
const LOCK_REST: Duration = Duration::from_millis(100);
const LOCK_ATTEMPTS_MAX: usize = 50;
/// For whoever changes the layout too; the session of one that was killed ends well within this.
const LAYOUT_PATIENCE: Duration = Duration::from_secs(5);
/// Of one slot, beyond which the move is given up.
const SLOT_TIMEOUT: Duration = Duration::from_secs(150);
const CHANGE: &str = "UPDATE slots SET state = $3 WHERE slot = $1 AND state = $2";

/// What a move did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Slots that are at the new shard now, those that were there before included.
    pub slots: usize,
    /// Rows that were copied.
    pub rows: u64,
    /// The longest time for which a slot was served by nobody.
    pub unserved_max: Duration,
}

/// One end of a move.
struct End<'a> {
    line: Line,
    url: &'a ServerUrl,
}

/// Moves slots to another shard, one after another, until all have or `go_on`, which hears of each, says that it is
/// enough. Every node must list both shards before. Done again after it was interrupted, it goes on where it stopped.
///
/// # Errors
/// A shard cannot be reached, a slot is at neither of the two, or somebody else moves slots. What was moved stays moved.
pub async fn move_slots(
    options: &PostgresOptions,
    wish: &Move,
    go_on: &mut (dyn FnMut(Moved) -> ControlFlow<()> + Send),
) -> Result<Moved, OpenError> {
    let (mut source, mut target) = ends(options, wish).await?;
    copy_owners(&source, &target).await?;
    let mut moved = Moved::default();
    let source_url = source.url.clone();
    for slot in &wish.slots {
        let moving = move_slot(&mut source, &mut target, *slot, &mut moved);
        let Ok(done) = tokio::time::timeout(SLOT_TIMEOUT, moving).await else {
            return Err(OpenError::silent(&source_url));
        };
        done?;
        if go_on(moved).is_break() {
            break;
        }
    }
    Ok(moved)
}

/// Connects to both ends, and keeps others from moving slots of theirs.
async fn ends<'a>(options: &'a PostgresOptions, wish: &Move) -> Result<(End<'a>, End<'a>), OpenError> {
    let dialer = crate::engine::dialer(options)?;
    let open = async |shard: usize| {
        let url = primary(options, shard)?;
        let line = change_line(&dialer, url).await?;
        schema::version(&line.client, url, &dialer).await?;
        schema::lock(&line.client, url, &dialer, LAYOUT_PATIENCE).await?;
        Ok::<_, OpenError>(End { line, url })
    };
    if wish.from == wish.to {
        return Err(OpenError::Plan("a slot cannot move to where it is".to_owned()));
    }
    // Two that move slots to and fro wait for each other at the same end.
    let (source, target) = match wish.from < wish.to {
        true => {
            let source = open(wish.from).await?;
            (source, open(wish.to).await?)
        }
        false => {
            let target = open(wish.to).await?;
            (open(wish.from).await?, target)
        }
    };
    let cluster = async |end: &End<'_>| {
        Ok::<_, OpenError>(identity(&end.line.client, end.url).await?.map(|shard| shard.cluster))
    };
    if cluster(&source).await? != cluster(&target).await? {
        return Err(OpenError::Layout(format!("`{}` and `{}` are of two clusters", source.url, target.url)));
    }
    Ok((source, target))
}

fn primary(options: &PostgresOptions, shard: usize) -> Result<&ServerUrl, OpenError> {
    let listed = options.shards.get(shard).map(|shard| &shard.primary);
    listed.ok_or_else(|| {
        let last = options.shards.len().saturating_sub(1);
        OpenError::Layout(format!("there is no shard {shard} in it, only 0 to {last}"))
    })
}

/// Deletes what is left at a shard of slots that have left it, and are at another. Returns how many rows that were. They
/// are the last copy from before the move: say so when the other shard has been backed up.
///
/// # Errors
/// A shard cannot be reached or used, a slot is on none, or somebody else moves slots.
pub async fn forget_slots(options: &PostgresOptions, shard: usize) -> Result<u64, OpenError> {
    let dialer = crate::engine::dialer(options)?;
    let url = primary(options, shard)?;
    let line = change_line(&dialer, url).await?;
    schema::version(&line.client, url, &dialer).await?;
    schema::lock(&line.client, url, &dialer, LAYOUT_PATIENCE).await?;
    let reports = check(options).await?;
    // Of a shard that came back from before a move, these rows are all there is.
    let is_served = |slot: &Slot| reports.iter().any(|report| report.slots_here.contains(slot));
    let slots: Vec<Slot> = Slot::all().filter(is_served).collect();
    let mut rows = 0;
    for (table, _) in TABLES {
        let delete = format!(
            "DELETE FROM {table} WHERE slot = $1 AND EXISTS (SELECT FROM slots WHERE slot = $1 AND state = 'away')"
        );
        for slot in &slots {
            let deleted = line.client.execute(&delete, &[&slot.stored()]).await;
            rows += deleted.map_err(|error| OpenError::refused(url, "to delete rows", error))?;
        }
    }
    Ok(rows)
}

impl End<'_> {
    fn refused(&self, error: tokio_postgres::Error) -> OpenError {
        OpenError::refused(self.url, "a step of the move", error)
    }

    async fn state(&self, slot: Slot) -> Result<String, OpenError> {
        let asked = "SELECT state FROM slots WHERE slot = $1";
        let row = self.line.client.query_one(asked, &[&slot.stored()]).await;
        row.map(|row| row.get(0)).map_err(|error| self.refused(error))
    }

    /// Changes what a slot is that is not `here`.
    async fn change(&self, slot: Slot, was: &str, state: &str) -> Result<(), OpenError> {
        let changed = self.line.client.execute(CHANGE, &[&slot.stored(), &was, &state]).await;
        changed.map(|_| ()).map_err(|error| self.refused(error))
    }

    /// Ends that a slot is `here`, when no statement that saw it here is running.
    async fn leave(&mut self, slot: Slot) -> Result<(), OpenError> {
        for _ in 0..LOCK_ATTEMPTS_MAX {
            match leave(&mut self.line.client, slot).await {
                Ok(()) => return Ok(()),
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                    tokio::time::sleep(LOCK_REST).await;
                }
                Err(error) => return Err(self.refused(error)),
            }
        }
        Err(OpenError::Busy { server: self.url.to_string() })
    }
}

async fn leave(client: &mut Client, slot: Slot) -> Result<(), tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(LOCK).await?;
    transaction.execute(CHANGE, &[&slot.stored(), &"here", &"leaving"]).await?;
    transaction.commit().await
}

async fn move_slot(
    source: &mut End<'_>,
    target: &mut End<'_>,
    slot: Slot,
    moved: &mut Moved,
) -> Result<(), OpenError> {
    let states = (source.state(slot).await?, target.state(slot).await?);
    match (states.0.as_str(), states.1.as_str()) {
        ("here", "away") => {
            target.change(slot, "away", "arriving").await?;
            copy_slot(source, target, slot, moved).await?;
        }
        // It was interrupted before: what is there already is copied again.
        ("here" | "leaving", "arriving") => copy_slot(source, target, slot, moved).await?,
        ("leaving", "here") => source.change(slot, "leaving", "away").await?,
        ("away", "here") => {}
        (at_source, at_target) => {
            return Err(OpenError::Layout(format!(
                "slot {} is `{at_source}` at `{}` and `{at_target}` at `{}`: it cannot move between them",
                slot.number(),
                source.url,
                target.url
            )));
        }
    }
    moved.slots += 1;
    Ok(())
}

async fn copy_slot(
    source: &mut End<'_>,
    target: &mut End<'_>,
    slot: Slot,
    moved: &mut Moved,
) -> Result<(), OpenError> {
    let started = std::time::Instant::now();
    source.leave(slot).await?;
    let rows = make_equal(source, target, slot).await?;
    target.change(slot, "arriving", "here").await?;
    moved.unserved_max = moved.unserved_max.max(started.elapsed());
    moved.rows += rows;
    source.change(slot, "leaving", "away").await
}

/// In one transaction: what the new shard has of the slot goes, what the old one has comes, and is counted.
async fn make_equal(source: &End<'_>, target: &mut End<'_>, slot: Slot) -> Result<u64, OpenError> {
    let url = target.url;
    let refused = |error| OpenError::refused(url, "a step of the move", error);
    let transaction = target.line.client.transaction().await.map_err(refused)?;
    let mut rows = 0;
    for (table, columns) in TABLES {
        let delete = format!("DELETE FROM {table} WHERE slot = $1");
        transaction.execute(&delete, &[&slot.stored()]).await.map_err(refused)?;
        let copied = copy_table(source, &transaction, table, columns, slot).await.map_err(refused)?;
        let count = format!("SELECT count(*) FROM {table} WHERE slot = {}", slot.number());
        let there = source.line.client.query_one(&count, &[]).await.map_err(|error| source.refused(error))?;
        if u64::try_from(there.get::<_, i64>(0)).ok() != Some(copied) {
            let problem =
                format!("{copied} rows of `{table}` were copied, and there are others: nothing was changed");
            return Err(OpenError::Layout(problem));
        }
        rows += copied;
    }
    transaction.commit().await.map_err(refused)?;
    Ok(rows)
}

async fn copy_table(
    source: &End<'_>,
    target: &Transaction<'_>,
    table: &str,
    columns: &str,
    slot: Slot,
) -> Result<u64, tokio_postgres::Error> {
    let number = slot.number();
    let read =
        format!("COPY (SELECT {columns} FROM {table} WHERE slot = {number}) TO STDOUT (FORMAT binary)");
    let write = format!("COPY {table} ({columns}) FROM STDIN (FORMAT binary)");
    let rows = source.line.client.copy_out(&read).await?;
    let sink = target.copy_in(&write).await?;
    pin_mut!(rows, sink);
    while let Some(bytes) = rows.next().await {
        sink.send(bytes?).await?;
    }
    sink.finish().await
}

async fn copy_owners(source: &End<'_>, target: &End<'_>) -> Result<(), OpenError> {
    let rows = source.line.client.query("SELECT owner FROM owners", &[]).await;
    let owners: Vec<String> =
        rows.map_err(|error| source.refused(error))?.iter().map(|row| row.get(0)).collect();
    let insert = "INSERT INTO owners SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING";
    let inserted = target.line.client.execute(insert, &[&owners]).await;
    inserted.map(|_| ()).map_err(|error| target.refused(error))
}
