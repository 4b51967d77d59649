//! What a world is like: how many regions, how stale its reads, how long its days, and what happens in it.

use cart::limits::Limits;

/// The kind of a world. Everything that happens in one follows from its climate and a seed.
#[derive(Clone, Copy, Debug)]
pub struct Climate {
    /// Named in reports.
    pub name: &'static str,
    /// Fewest and most regions.
    pub regions: (u32, u32),
    /// Guest carts beside the account's, at most two.
    pub guests: usize,
    /// How much time passes before a step, in milliseconds: one of these.
    pub pauses_ms: &'static [u64],
    /// Weights of the ways in which a delta is written.
    pub paths: &'static [(u64, Path)],
    /// Weights of what happens.
    pub events: &'static [(u64, Event)],
    /// Weights of what shoppers do.
    pub kinds: &'static [(u64, Kind)],
    /// Limits of carts.
    pub limits: Limits,
    /// Of a hundred reads of another region's row, those that see its newest version.
    pub fresh_percent: u64,
    /// Of a hundred operations that name what was seen, those that name an older view.
    pub stale_percent: u64,
    /// The oldest view that is honoured, in days.
    pub seen_days_max: u64,
    /// Days that a region may lag behind another.
    pub lag_days: u64,
    /// Rounds of rewriting, a month apart, after which contexts must have shrunk. 0 leaves it out.
    pub quiet_rounds: u32,
}

/// How a delta is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Joined into the own row.
    Row,
    /// A blind, immutable row of its own.
    Delta,
    /// The same, twice: the first acknowledgement was lost.
    DeltaTwice,
    /// Into the node's journal, and from there as a delta row within a week.
    Journal,
}

/// What happens in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody does something to a cart.
    Operate,
    /// Somebody sends an earlier operation once more, there or elsewhere.
    Retry,
    /// An owner rewrites its row without a change.
    Rewrite,
    /// An owner folds its deltas.
    Fold,
    /// A guest's cart is merged into the account's.
    Merge,
    /// A merge of the last day is undone.
    Undo,
    /// Lanes close and open again: a node restarts.
    Restart,
    /// A region is restored from a backup.
    Restore,
    /// A cart is erased.
    Erase,
}

/// What somebody may do to a cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the operation of its name")]
pub enum Kind {
    Add,
    Set,
    Remove,
    Clear,
    Move,
    AnnotateLine,
    AnnotateCart,
    Replace,
    Expire,
    Consume,
    Refresh,
}

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

const SOON: &[u64] = &[1, HOUR / 4, 12 * HOUR];
const DAYS: &[u64] = &[HOUR / 4, 12 * HOUR, 3 * DAY, 10 * DAY, 29 * DAY, 38 * DAY];
const LONG_DAYS: &[u64] = &[12 * HOUR, 10 * DAY, 20 * DAY, 29 * DAY, 38 * DAY];

const ALL_KINDS: &[(u64, Kind)] = &[
    (30, Kind::Add),
    (25, Kind::Set),
    (12, Kind::Remove),
    (4, Kind::Clear),
    (12, Kind::Move),
    (4, Kind::AnnotateLine),
    (4, Kind::AnnotateCart),
    (5, Kind::Replace),
    (2, Kind::Expire),
    (4, Kind::Consume),
    (3, Kind::Refresh),
];
/// What makes dots live and gone, and nothing else.
const FEW_KINDS: &[(u64, Kind)] = &[(4, Kind::Add), (1, Kind::Set), (5, Kind::Clear), (1, Kind::Move)];

const ROWS: &[(u64, Path)] = &[(1, Path::Row)];
const ALL_PATHS: &[(u64, Path)] =
    &[(4, Path::Row), (2, Path::Delta), (1, Path::DeltaTwice), (2, Path::Journal)];

/// Limits that a few operations reach.
const NARROW: Limits = Limits {
    lines_max: 2,
    dots_per_line_max: 4,
    quantity_per_line_max: 10,
    entry_bytes_max: 64 * 1024,
    text_bytes_max: 4096,
    fields_max: 64,
};

impl Climate {
    /// Regions that write rows and hear of each other soon.
    pub const CALM: Self = Self {
        name: "calm",
        regions: (2, 3),
        guests: 0,
        pauses_ms: SOON,
        paths: ROWS,
        events: &[(8, Event::Operate), (2, Event::Retry), (1, Event::Rewrite), (1, Event::Restart)],
        kinds: ALL_KINDS,
        limits: NARROW,
        fresh_percent: 60,
        stale_percent: 40,
        seen_days_max: 30,
        lag_days: 30,
        quiet_rounds: 0,
    };

    /// Rows, deltas, lost acknowledgements and journals.
    pub const PATHS: Self = Self {
        name: "paths",
        paths: ALL_PATHS,
        events: &[
            (8, Event::Operate),
            (3, Event::Retry),
            (1, Event::Rewrite),
            (1, Event::Fold),
            (1, Event::Restart),
        ],
        ..Self::CALM
    };

    /// Weeks pass, two regions lag behind each other by up to a month, and old writers are forgotten.
    pub const MONTHS: Self = Self {
        name: "months",
        regions: (2, 2),
        pauses_ms: LONG_DAYS,
        events: &[(6, Event::Operate), (3, Event::Rewrite)],
        kinds: FEW_KINDS,
        fresh_percent: 30,
        quiet_rounds: 12,
        ..Self::CALM
    };

    /// The same with deltas, journals and folds.
    pub const MONTHS_OF_PATHS: Self = Self {
        name: "months of paths",
        regions: (2, 3),
        kinds: ALL_KINDS,
        paths: ALL_PATHS,
        events: &[(6, Event::Operate), (1, Event::Retry), (2, Event::Rewrite), (1, Event::Fold)],
        ..Self::MONTHS
    };

    /// Guests shop, log in, and some regions hear of it late.
    pub const LOGINS: Self = Self {
        name: "logins",
        guests: 2,
        pauses_ms: DAYS,
        paths: ALL_PATHS,
        events: &[
            (8, Event::Operate),
            (2, Event::Retry),
            (1, Event::Rewrite),
            (1, Event::Fold),
            (3, Event::Merge),
            (2, Event::Undo),
        ],
        quiet_rounds: 12,
        ..Self::CALM
    };

    /// Nodes restart and regions are restored from backups.
    pub const RESTORES: Self = Self {
        name: "restores",
        pauses_ms: DAYS,
        paths: ALL_PATHS,
        events: &[
            (8, Event::Operate),
            (1, Event::Retry),
            (1, Event::Rewrite),
            (1, Event::Fold),
            (2, Event::Restart),
            (2, Event::Restore),
        ],
        ..Self::CALM
    };

    /// Everything, and carts are erased in between.
    pub const ERASURES: Self = Self {
        name: "erasures",
        events: &[
            (8, Event::Operate),
            (2, Event::Retry),
            (1, Event::Rewrite),
            (2, Event::Merge),
            (1, Event::Restart),
            (1, Event::Erase),
        ],
        quiet_rounds: 0,
        ..Self::LOGINS
    };

    /// All climates in which the promises are kept.
    pub const ALL: &'static [Self] = &[
        Self::CALM,
        Self::PATHS,
        Self::MONTHS,
        Self::MONTHS_OF_PATHS,
        Self::LOGINS,
        Self::RESTORES,
        Self::ERASURES,
    ];
}
