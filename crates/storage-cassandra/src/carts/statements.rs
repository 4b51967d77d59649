//! The statements on rows of carts.

use crate::{CassandraOptions, EventualReads, OpenError, connect, statement::Preparing};
use scylla::{client::session::Session, statement::Consistency, statement::prepared::PreparedStatement};
use storage::cart::planted::{self, Bug};

/// Rows of a page: a cart that is folded now and then has fewer deltas that wait.
const PAGE_ROWS: i32 = 100;

/// The row and its deltas from a bucket on, the row first and then the newest delta.
const SELECT: &str = "SELECT bucket, writer, seq, value_hash, version, folded_through, bytes FROM {ks}.carts \
                      WHERE cart = ? AND owner = ? AND bucket > ?";
/// The key of the row.
const ROW: &str =
    "cart = ? AND owner = ? AND bucket = 9223372036854775807 AND writer = 0 AND seq = 0 AND value_hash = 0";
/// True of each row: only there so that a refusal shows these columns.
const SHOWN: &str = "folded_through != null AND bytes != null";

/// How long a row of a cart or a delta stays: until somebody removes it.
fn lifetime() -> &'static str {
    if planted::is_on(Bug::P9TimeToLiveOnLiveRows) { " USING TTL 7776000" } else { "" }
}

pub(super) struct Statements {
    pub(super) select_eventual: PreparedStatement,
    pub(super) select_strong: PreparedStatement,
    /// As strong, after whatever conditional write is under way.
    pub(super) select_own: PreparedStatement,
    /// The row's pointer and the newest delta, without their bytes.
    pub(super) peek: PreparedStatement,
    pub(super) insert_delta: PreparedStatement,
    pub(super) remove_deltas: PreparedStatement,
    pub(super) insert_row: PreparedStatement,
    pub(super) replace_row: PreparedStatement,
    pub(super) remove_row: PreparedStatement,
    pub(super) owners: PreparedStatement,
    pub(super) register: PreparedStatement,
    pub(super) list: PreparedStatement,
    pub(super) unlist: PreparedStatement,
    pub(super) listed: PreparedStatement,
    pub(super) mark: PreparedStatement,
    pub(super) unmark: PreparedStatement,
    pub(super) marked: PreparedStatement,
}

impl Statements {
    pub(super) async fn prepare(session: &Session, options: &CassandraOptions) -> Result<Self, OpenError> {
        let keyspace = options.keyspace.as_str();
        let plain = Preparing { session, keyspace, profile: None };
        let own = Preparing { session, keyspace, profile: Some(connect::of_own_rows(options)) };
        let eventual = match options.eventual {
            EventualReads::LocalQuorum => Consistency::LocalQuorum,
            EventualReads::LocalOne => Consistency::LocalOne,
        };
        let lasting = lifetime();
        let paged = |mut statement: PreparedStatement| {
            statement.set_page_size(PAGE_ROWS);
            statement
        };
        Ok(Self {
            select_eventual: paged(plain.read(SELECT, Some(eventual)).await?),
            select_strong: paged(plain.read(SELECT, Some(Consistency::LocalQuorum)).await?),
            select_own: paged(own.read(SELECT, Some(Consistency::LocalSerial)).await?),
            peek: plain
                .read(
                    "SELECT bucket, folded_through FROM {ks}.carts WHERE cart = ? AND owner = ? LIMIT 2",
                    None,
                )
                .await?,
            insert_delta: plain
                .blind(&format!(
                    "INSERT INTO {{ks}}.carts (cart, owner, bucket, writer, seq, value_hash, bytes) \
                     VALUES (?, ?, ?, ?, ?, ?, ?){lasting}"
                ))
                .await?,
            remove_deltas: plain
                .blind("DELETE FROM {ks}.carts WHERE cart = ? AND owner = ? AND bucket <= ?")
                .await?,
            insert_row: own
                .conditional(&format!(
                    "INSERT INTO {{ks}}.carts \
                     (cart, owner, bucket, writer, seq, value_hash, version, folded_through, bytes) \
                     VALUES (?, ?, 9223372036854775807, 0, 0, 0, ?, ?, ?) IF NOT EXISTS{lasting}"
                ))
                .await?,
            replace_row: own
                .conditional(&format!(
                    "UPDATE {{ks}}.carts{lasting} SET version = ?, folded_through = ?, bytes = ? \
                     WHERE {ROW} IF version = ? AND {SHOWN}"
                ))
                .await?,
            remove_row: own
                .conditional(&format!("DELETE FROM {{ks}}.carts WHERE {ROW} IF version = ? AND {SHOWN}"))
                .await?,
            owners: plain.read("SELECT owner FROM {ks}.owners WHERE list = 0 LIMIT 1000", None).await?,
            register: plain.blind("INSERT INTO {ks}.owners (list, owner) VALUES (0, ?)").await?,
            list: plain.blind("INSERT INTO {ks}.directory (owner, shard, cart) VALUES (?, ?, ?)").await?,
            unlist: plain
                .blind("DELETE FROM {ks}.directory WHERE owner = ? AND shard = ? AND cart = ?")
                .await?,
            listed: plain
                .read(
                    "SELECT cart FROM {ks}.directory WHERE owner = ? AND shard = ? AND cart > ? LIMIT ?",
                    None,
                )
                .await?,
            mark: plain
                .blind(
                    "INSERT INTO {ks}.unfolded (owner, shard, cart, until_bucket) VALUES (?, ?, ?, ?) \
                     USING TIMESTAMP ?",
                )
                .await?,
            unmark: plain
                .blind(
                    "DELETE FROM {ks}.unfolded USING TIMESTAMP ? WHERE owner = ? AND shard = ? AND cart = ?",
                )
                .await?,
            marked: plain
                .read(
                    "SELECT cart, until_bucket FROM {ks}.unfolded \
                     WHERE owner = ? AND shard = ? AND cart > ? LIMIT ?",
                    None,
                )
                .await?,
        })
    }
}
