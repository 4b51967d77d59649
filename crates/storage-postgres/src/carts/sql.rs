//! The statements of carts.
//!
//! Always: the first value is the slot, which is looked at in the same snapshot; where it is not here nothing is done and
//! the one answer has a 9 in its first column. Every column that is read has a fixed place: kind, version, owner, bucket,
//! bytes, and of deltas writer, sequence and hash.

/// In the first column: a snapshot row; of a conditional write, one that it lost to.
pub(super) const SNAPSHOT: i16 = 1;

/// A conditional write of a row: done only where the slot is here. Answers what was written, else what it lost to.
macro_rules! conditional {
    ($write:literal) => {
        concat!(
            "
    WITH home AS (SELECT 1 FROM slots WHERE slot = $1 AND state = 'here'),
    written AS (",
            $write,
            ")
    SELECT 0::int2, version, NULL::text, NULL::int8, NULL::bytea FROM written
    UNION ALL
    SELECT 1::int2, version, owner, folded_through, bytes
    FROM snapshots WHERE cart = $2 AND owner = $3 AND EXISTS (SELECT FROM home) AND NOT EXISTS (SELECT FROM written)
    UNION ALL
    SELECT 9::int2, NULL, NULL, NULL, NULL WHERE NOT EXISTS (SELECT FROM home)"
        )
    };
}

pub(super) const LOAD: &str = "
    WITH home AS (SELECT 1 FROM slots WHERE slot = $1 AND state = 'here')
    SELECT 1::int2, version, owner, folded_through, bytes, NULL::int8, NULL::int8, NULL::int8
    FROM snapshots WHERE cart = $2 AND EXISTS (SELECT FROM home)
    UNION ALL
    SELECT 2::int2, NULL, owner, bucket, bytes, writer, seq, value_hash
    FROM deltas AS d WHERE cart = $2 AND EXISTS (SELECT FROM home) AND NOT EXISTS (
        SELECT FROM snapshots AS s WHERE s.cart = d.cart AND s.owner = d.owner AND s.folded_through >= d.bucket)
    UNION ALL
    SELECT 9::int2, NULL, NULL, NULL, NULL, NULL, NULL, NULL WHERE NOT EXISTS (SELECT FROM home)";

pub(super) const LOOK: &str = "
    WITH home AS (SELECT 1 FROM slots WHERE slot = $1 AND state = 'here')
    SELECT 1::int2, version, owner, folded_through, bytes
    FROM snapshots WHERE cart = $2 AND owner = $3 AND EXISTS (SELECT FROM home)
    UNION ALL
    SELECT 9::int2, NULL, NULL, NULL, NULL WHERE NOT EXISTS (SELECT FROM home)";

pub(super) const INSERT: &str = conditional!(
    "
        INSERT INTO snapshots (slot, cart, owner, version, folded_through, bytes)
        SELECT $1::int2, $2::uuid, $3::text, 1, $4::int8, $5::bytea WHERE EXISTS (SELECT FROM home)
        ON CONFLICT (cart, owner) DO NOTHING RETURNING version"
);

pub(super) const UPDATE: &str = conditional!(
    "
        UPDATE snapshots SET version = version + 1, folded_through = $4, bytes = $5
        WHERE cart = $2 AND owner = $3 AND version = $6 AND EXISTS (SELECT FROM home) RETURNING version"
);

pub(super) const DELETE: &str = conditional!(
    "
        DELETE FROM snapshots
        WHERE cart = $2 AND owner = $3 AND version = $4 AND EXISTS (SELECT FROM home) RETURNING version"
);

pub(super) const APPEND: &str = "
    WITH home AS (SELECT 1 FROM slots WHERE slot = $1 AND state = 'here'),
    written AS (
        INSERT INTO deltas (slot, cart, owner, bucket, writer, seq, value_hash, bytes)
        SELECT $1::int2, $2::uuid, $3::text, $4::int8, $5::int8, $6::int8, $7::int8, $8::bytea
        WHERE EXISTS (SELECT FROM home) ON CONFLICT DO NOTHING)
    SELECT 9::int2 WHERE NOT EXISTS (SELECT FROM home)";

pub(super) const DELETE_DELTAS: &str = "
    WITH home AS (SELECT 1 FROM slots WHERE slot = $1 AND state = 'here'),
    written AS (
        DELETE FROM deltas WHERE cart = $2 AND owner = $3 AND bucket <= $4 AND EXISTS (SELECT FROM home))
    SELECT 9::int2 WHERE NOT EXISTS (SELECT FROM home)";

/// Of this shard alone, and beside the carts which slots are here, in the same snapshot.
pub(super) const SCAN: &str = "
    (SELECT cart, NULL::int2[] FROM (
        (SELECT DISTINCT cart FROM snapshots
         WHERE cart >= $1 AND slot <> ALL (ARRAY(SELECT slot FROM slots WHERE state <> 'here'))
         ORDER BY cart LIMIT $2)
        UNION
        (SELECT DISTINCT cart FROM deltas
         WHERE cart >= $1 AND slot <> ALL (ARRAY(SELECT slot FROM slots WHERE state <> 'here'))
         ORDER BY cart LIMIT $2)) AS known
     ORDER BY cart LIMIT $2)
    UNION ALL
    SELECT NULL, ARRAY(SELECT slot FROM slots WHERE state = 'here')";

/// Like the one above.
pub(super) const UNFOLDED: &str = "
    (SELECT DISTINCT cart, NULL::int2[] FROM deltas AS d
     WHERE cart >= $1 AND owner = $3 AND slot <> ALL (ARRAY(SELECT slot FROM slots WHERE state <> 'here'))
     AND NOT EXISTS (
        SELECT FROM snapshots AS s WHERE s.cart = d.cart AND s.owner = d.owner AND s.folded_through >= d.bucket)
     ORDER BY cart LIMIT $2)
    UNION ALL
    SELECT NULL, ARRAY(SELECT slot FROM slots WHERE state = 'here')";
