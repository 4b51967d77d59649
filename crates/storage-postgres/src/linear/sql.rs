//! The statements of records.
//!
//! As with carts the slot comes first and is looked at in the same snapshot, and a 9 in the first column says that it is
//! not here. Columns: kind, version, due, bytes; of a page the key behind them.

/// A conditional write of a record: done only where the slot is here. Answers what was written, else what it lost to.
macro_rules! conditional {
    ($write:literal) => {
        concat!(
            "
    WITH home AS (SELECT 1 FROM slots WHERE slot = $1 AND state = 'here'),
    written AS (",
            $write,
            ")
    SELECT 0::int2, version, NULL::int8, NULL::bytea FROM written
    UNION ALL
    SELECT 1::int2, version, due, bytes
    FROM records WHERE kind = $2 AND key = $3 AND EXISTS (SELECT FROM home) AND NOT EXISTS (SELECT FROM written)
    UNION ALL
    SELECT 9::int2, NULL, NULL, NULL WHERE NOT EXISTS (SELECT FROM home)"
        )
    };
}

pub(super) const READ: &str = "
    WITH home AS (SELECT 1 FROM slots WHERE slot = $1 AND state = 'here')
    SELECT 1::int2, version, due, bytes FROM records WHERE kind = $2 AND key = $3 AND EXISTS (SELECT FROM home)
    UNION ALL
    SELECT 9::int2, NULL, NULL, NULL WHERE NOT EXISTS (SELECT FROM home)";

pub(super) const INSERT: &str = conditional!(
    "
        INSERT INTO records (slot, kind, key, version, due, bytes)
        SELECT $1::int2, $2::text, $3::bytea, 1, $4::int8, $5::bytea WHERE EXISTS (SELECT FROM home)
        ON CONFLICT (kind, key) DO NOTHING RETURNING version"
);

pub(super) const UPDATE: &str = conditional!(
    "
        UPDATE records SET version = version + 1, due = $4, bytes = $5
        WHERE kind = $2 AND key = $3 AND version = $6 AND EXISTS (SELECT FROM home) RETURNING version"
);

pub(super) const DELETE: &str = conditional!(
    "
        DELETE FROM records
        WHERE kind = $2 AND key = $3 AND version = $4 AND EXISTS (SELECT FROM home) RETURNING version"
);

/// Of this shard alone.
pub(super) const DUE: &str = "
    SELECT 1::int2, version, due, bytes, key FROM records
    WHERE kind = $1 AND due IS NOT NULL AND due < $2 AND (due, key) > ($3, $4)
    AND slot <> ALL (ARRAY(SELECT slot FROM slots WHERE state <> 'here'))
    ORDER BY due, key LIMIT $5";
