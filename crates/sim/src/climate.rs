//! What a world is like: its regions, its pace, and how often what breaks.

use storage::WritePath;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The longest that a region hears nothing of another, in milliseconds: what is away longer is quarantined.
pub(crate) const LAG_MS_MAX: u64 = 30 * DAY;

/// The kind of a world. Everything that happens in one follows from its climate and a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Climate {
    /// Named in reports.
    pub name: &'static str,
    /// Fewest and most regions.
    pub regions: (u32, u32),
    /// The most nodes of a region.
    pub nodes_max: u32,
    /// Shoppers, each with an account.
    pub shoppers: u32,
    /// Devices of a shopper, each with a cookie of its own.
    pub devices: u32,
    /// Tabs of a device.
    pub tabs: u32,
    /// What a tab does one after the other, fewest and most.
    pub acts: (u32, u32),
    /// How carts are written; `None` leaves it to the seed.
    pub write_path: Option<WritePath>,
    /// Milliseconds that somebody thinks before an act: up to one of these.
    pub pauses_ms: &'static [u64],
    /// Milliseconds until somebody sends again what was not answered: up to one of these.
    pub retries_ms: &'static [u64],
    /// Milliseconds until a row or delta reaches another region: up to one of these.
    pub delays_ms: &'static [u64],
    /// Of a hundred requests, those that are sent again much later although they were answered.
    pub much_later_percent: u64,
    /// Weights of what shoppers change.
    pub kinds: &'static [(u64, Kind)],
    /// Weights of what breaks.
    pub breaks: &'static [(u64, Break)],
    /// Milliseconds that something stays broken: up to one of these.
    pub breaks_ms: &'static [u64],
    /// Milliseconds between two things that break: up to this.
    pub weather_ms: u64,
    /// Of a thousand requests to a store, those that meet a fault.
    pub faults_permille: u64,
    /// True when somebody shops as a guest and logs in later.
    pub logins: bool,
    /// True when accounts are erased and lines expire.
    pub operators: bool,
}

/// What a shopper changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Adds units.
    Add,
    /// Types a quantity.
    Set,
    /// Takes a line out.
    Remove,
    /// Saves a line for later, or puts it back.
    Move,
    /// Writes notes on a line.
    Annotate,
    /// Puts the whole cart back.
    Replace,
    /// Empties a list.
    Clear,
    /// Writes a field of the cart.
    Fields,
}

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// A region hears nothing of another.
    LinkOneWay,
    /// Neither hears of the other.
    LinkBothWays,
    /// The carts of a region cannot be reached.
    Engine,
    /// A region does not reach the linear store.
    Linear,
    /// A node dies and starts again.
    Node,
}

const KINDS: &[(u64, Kind)] = &[
    (45, Kind::Add),
    (20, Kind::Set),
    (15, Kind::Remove),
    (8, Kind::Move),
    (4, Kind::Annotate),
    (4, Kind::Replace),
    (4, Kind::Clear),
    (4, Kind::Fields),
];

const BREAKS: &[(u64, Break)] = &[
    (30, Break::LinkOneWay),
    (20, Break::LinkBothWays),
    (10, Break::Engine),
    (15, Break::Linear),
    (25, Break::Node),
];

impl Climate {
    /// Everything within seconds: races, lost answers, short cuts of links, restarts.
    pub const BRISK: Self = Self {
        name: "brisk",
        regions: (2, 3),
        nodes_max: 2,
        shoppers: 1,
        devices: 2,
        tabs: 2,
        acts: (4, 10),
        write_path: None,
        pauses_ms: &[0, 20, 200, 2 * SECOND],
        retries_ms: &[10, 500, 5 * SECOND],
        delays_ms: &[5, 50, 500, 5 * SECOND],
        much_later_percent: 15,
        kinds: KINDS,
        breaks: BREAKS,
        breaks_ms: &[100, SECOND, 20 * SECOND],
        weather_ms: 3 * SECOND,
        faults_permille: 60,
        logins: false,
        operators: false,
    };

    /// Guests who log in, here and there and at once, undo it, and go on as guests in another tab.
    pub const LOGINS: Self =
        Self { name: "logins", acts: (5, 12), logins: true, faults_permille: 40, ..Self::BRISK };

    /// One cart that many write at once through several nodes.
    pub const CROWD: Self =
        Self { name: "crowd", devices: 4, tabs: 3, acts: (3, 5), pauses_ms: &[0, 5, 50], ..Self::BRISK };

    /// Hours and days between acts: links are cut for days, operators expire and erase.
    pub const DAYS: Self = Self {
        name: "days",
        pauses_ms: &[MINUTE, HOUR, DAY],
        retries_ms: &[SECOND, HOUR, 2 * DAY],
        delays_ms: &[50, MINUTE, HOUR],
        breaks_ms: &[MINUTE, HOUR, 3 * DAY],
        weather_ms: DAY,
        logins: true,
        operators: true,
        ..Self::BRISK
    };

    /// Two regions that do not hear of each other for up to a month, and clients that send again what they sent a
    /// month ago: what contexts have to remember.
    pub const ABSENCE: Self = Self {
        name: "absence",
        regions: (2, 2),
        devices: 3,
        tabs: 1,
        acts: (8, 20),
        write_path: Some(WritePath::Replace),
        pauses_ms: &[8 * DAY],
        retries_ms: &[28 * DAY],
        delays_ms: &[50, HOUR],
        much_later_percent: 80,
        kinds: &[(50, Kind::Add), (15, Kind::Set), (35, Kind::Remove)],
        breaks: &[(80, Break::LinkOneWay), (15, Break::LinkBothWays), (5, Break::Node)],
        breaks_ms: &[LAG_MS_MAX],
        weather_ms: 10 * DAY,
        faults_permille: 20,
        ..Self::BRISK
    };

    /// All climates, in the order in which seeds take turns with them.
    pub const ALL: [Self; 5] = [Self::BRISK, Self::LOGINS, Self::CROWD, Self::DAYS, Self::ABSENCE];

    /// The climate of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|climate| climate.name == name)
    }
}
