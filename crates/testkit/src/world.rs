//! A world of regions that write one account's cart and those of its guests, with the product's own functions, and
//! compare every read with what the operations mean.
//!
//! Everything that happens follows from the climate and the seeds of the steps. What the world adds to the product
//! is only what stands around it: rows and deltas that arrive late, journals, lanes, clocks.

mod act;
mod describe;
mod login;
mod settle;
mod undo;

use crate::{
    climate::{Climate, Event, Path},
    meaning::Meaning,
    random::Random,
    shown::{Broken, Shown},
    store::{CartIndex, Found, Known, OwnerIndex, Reader, RowVersion, Store},
};
use cart::{
    Cart, CartId, Delta, Dot, Timestamp, WriterId,
    operation::{Merge, Operation, Stamp},
    planted::{self, Bug},
    rewrite::Rows,
    seen::Seen,
};
use std::collections::{BTreeMap, BTreeSet};

/// The account's cart; guests follow.
pub(crate) const ACCOUNT: CartIndex = 0;
const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;
/// So long after a merge nobody writes the guest's rows any more, and the scrubber brings in what they hold.
const SCRUB_DAYS: u32 = cart::operation::GUEST_DAYS;
/// So long after a merge the guest's rows are read with the account's: until whatever the scrubber brought in is
/// everywhere.
const GUEST_DAYS: u32 = SCRUB_DAYS + 33;

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub broken: Broken,
    /// Where and how.
    pub what: String,
}

/// An operation that somebody sent.
#[derive(Clone, Debug)]
struct Sent {
    cart: CartIndex,
    operation: Operation,
    stamp: Stamp,
    /// What it means, by the carts on which it was executed.
    meaning: Meaning,
    executed_on: BTreeSet<CartIndex>,
}

/// A delta that waits in a node's journal.
#[derive(Clone, Debug)]
struct Journaled {
    replayed_at: Timestamp,
    region: usize,
    cart: CartIndex,
    delta: Delta,
    known: Known,
    sent: usize,
}

/// A region with its lanes.
#[derive(Clone, Debug, Default)]
struct Region {
    owner: OwnerIndex,
    lanes: BTreeMap<CartIndex, Lane>,
}

/// The writer of a cart in a region while its lane is open.
#[derive(Clone, Copy, Debug)]
struct Lane {
    writer: WriterId,
    next: u32,
}

/// A view that was given out.
#[derive(Clone, Debug)]
struct Given {
    at: Timestamp,
    seen: Seen,
}

/// What a region sees of a cart.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    found: Found,
    state: Cart,
}

impl Loaded {
    fn known(&self) -> Known {
        self.found.known
    }
}

/// The world.
pub struct World {
    climate: Climate,
    now: Timestamp,
    regions: Vec<Region>,
    owners: usize,
    store: Store,
    sent: Vec<Sent>,
    given: Vec<Given>,
    journal: Vec<Journaled>,
    /// The linear store's merge records, by guest.
    decided: BTreeMap<CartIndex, login::Decided>,
    acknowledged: BTreeMap<CartIndex, Known>,
    /// When the scrubber looks at a merged guest.
    scrubs: BTreeMap<CartIndex, Timestamp>,
    writers: u64,
    /// What happened, in words; empty unless asked for.
    pub(crate) log: Option<Vec<String>>,
}

impl World {
    /// A new world of this climate.
    pub fn new(climate: Climate, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (fewest, most) = climate.regions;
        let count = random.between(fewest, most) as usize;
        let regions = (0..count).map(|owner| Region { owner, ..Region::default() }).collect();
        Self {
            climate,
            now: Timestamp::default().plus_days(20_000),
            regions,
            owners: count,
            store: Store::default(),
            sent: Vec::new(),
            given: Vec::new(),
            journal: Vec::new(),
            decided: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            scrubs: BTreeMap::new(),
            writers: 0,
            log: None,
        }
    }

    /// Keeps a log of what happens from here on.
    pub fn logged(mut self) -> Self {
        self.log = Some(Vec::new());
        self
    }

    /// One step: some time passes, and something happens.
    pub fn step(&mut self, seed: u64) -> Result<(), Violation> {
        let mut random = Random::new(seed);
        let pause = random.pick(self.climate.pauses_ms).copied().unwrap_or(1);
        self.pass(pause, &mut random)?;
        if self.sent.len() + 8 > Known::OPERATIONS_MAX {
            return Ok(());
        }
        match random.weighted(self.climate.events, Event::Rewrite) {
            Event::Operate => self.operate(&mut random),
            Event::Retry => self.retry(&mut random),
            Event::Rewrite => self.rewrite(&mut random),
            Event::Fold => World::fold(self, &mut random),
            Event::Merge => self.log_in(&mut random),
            Event::Undo => self.undo(&mut random),
            Event::Restart => {
                self.restart(&mut random);
                Ok(())
            }
            Event::Restore => self.restore(&mut random),
            Event::Erase => self.erase(&mut random),
        }
    }

    fn note(&mut self, what: impl FnOnce() -> String) {
        let tenths = (self.now.0 * 10 / MS_PER_DAY).saturating_sub(200_000);
        if let Some(log) = &mut self.log {
            log.push(format!("day {:3}.{}: {}", tenths / 10, tenths % 10, what()));
        }
    }

    fn id(cart: CartIndex) -> CartId {
        CartId([u8::try_from(cart).unwrap_or(u8::MAX) + 1; 16]) // few carts
    }

    fn carts(&self) -> usize {
        1 + self.climate.guests
    }

    fn random_region(&self, random: &mut Random) -> usize {
        random.index(self.regions.len())
    }

    /// Time passes: what journals hold arrives when it is due, and the scrubber does its rounds.
    fn pass(&mut self, ms: u64, random: &mut Random) -> Result<(), Violation> {
        let until = Timestamp(self.now.0 + ms);
        loop {
            let replay = (0..self.journal.len()).min_by_key(|index| self.journal[*index].replayed_at);
            let replay = replay.map(|index| (self.journal[index].replayed_at, index));
            let scrub = self.scrubs.iter().map(|(guest, at)| (*at, *guest)).min();
            let replays_first = replay.is_some_and(|(at, _)| scrub.is_none_or(|(scrub, _)| at <= scrub));
            match (replay, scrub) {
                (Some((at, index)), _) if replays_first && at <= until => {
                    self.now = self.now.max(at);
                    let entry = self.journal.remove(index);
                    self.replay(entry, random)?;
                }
                (_, Some((at, guest))) if at <= until => {
                    self.now = self.now.max(at);
                    self.scrub(guest, random)?;
                }
                _ => break,
            }
        }
        self.now = until;
        Ok(())
    }

    fn replay(&mut self, entry: Journaled, random: &mut Random) -> Result<(), Violation> {
        let Journaled { region, cart, mut delta, known, sent, .. } = entry;
        if planted::is_on(Bug::P11JournalReplaysOperations) {
            let now = self.load(region, cart, Some(random))?.state;
            let Sent { operation, stamp, .. } = &self.sent[sent];
            delta = act::seeing(operation, Seen::of_cart(Self::id(cart), &now, self.now.day())).delta(stamp);
        }
        self.note(|| format!("region {region} replays operation {sent} from its journal"));
        self.insert(region, cart, delta, known);
        Ok(())
    }

    /// What a region sees of a cart, with what the rows of merged guests bring; checked against what it knows.
    fn load(
        &mut self,
        region: usize,
        cart: CartIndex,
        mut chance: Option<&mut Random>,
    ) -> Result<Loaded, Violation> {
        let mut found = self.read(region, cart, chance.as_deref_mut());
        let own = found.own.as_ref().map(|own| own.state.clone());
        let mut state = Rows { own: own.as_ref(), all: &found.rows }.joined();
        let guests: Vec<CartIndex> = (1..self.carts())
            .filter(|guest| {
                let merged = state.merged.get(&Self::id(*guest));
                merged.is_some_and(|day| self.now.day().since(*day) <= GUEST_DAYS)
            })
            .collect();
        for guest in guests {
            let rows = self.read(region, guest, chance.as_deref_mut());
            let joined = Rows { own: None, all: &rows.rows }.joined();
            if !joined.erased {
                found.known = found.known.and(rows.known);
            }
            let merge = Merge { guest: Self::id(guest), state: joined };
            found.rows.push(merge.brought(self.now.day()));
        }
        state = Rows { own: own.as_ref(), all: &found.rows }.joined();
        self.check(&state, cart, found.known)?;
        Ok(Loaded { found, state })
    }

    fn read(&self, region: usize, cart: CartIndex, chance: Option<&mut Random>) -> Found {
        let mut reader = Reader {
            owner: self.regions[region].owner,
            now: self.now,
            lag_ms: self.climate.lag_days * MS_PER_DAY,
            fresh_percent: self.climate.fresh_percent,
            chance,
        };
        self.store.read(cart, &mut reader)
    }

    /// Compares what the product shows with what the operations mean that it knows.
    fn check(&self, state: &Cart, cart: CartIndex, known: Known) -> Result<(), Violation> {
        let operations = || {
            let known = self.sent.iter().enumerate().filter(move |(index, _)| known.has(*index));
            known.map(|(_, sent)| (&sent.meaning, sent.executed_on.contains(&cart)))
        };
        let killed = operations().flat_map(|(meaning, _)| meaning.killed.iter().copied()).collect();
        match Shown::of(state).broken(&Shown::meant(operations()), &killed) {
            None => Ok(()),
            Some((broken, what)) => Err(Violation { broken, what }),
        }
    }

    /// Writes a delta in a region, by one of the ways of the climate.
    fn write(
        &mut self,
        at: (usize, CartIndex),
        loaded: &Loaded,
        delta: Delta,
        known: Known,
        sent: usize,
        random: &mut Random,
    ) -> Result<Path, Violation> {
        let (region, cart) = at;
        let path = random.weighted(self.climate.paths, Path::Row);
        match path {
            Path::Row => self.put(at, loaded, &delta, known, None),
            Path::Delta => self.insert(region, cart, delta, known),
            Path::DeltaTwice => {
                self.insert(region, cart, delta.clone(), known);
                self.insert(region, cart, delta, known);
            }
            Path::Journal => {
                let replayed_at = Timestamp(self.now.0 + random.below(7 * MS_PER_DAY));
                self.journal.push(Journaled { replayed_at, region, cart, delta, known, sent });
            }
        }
        let acknowledged = self.acknowledged.entry(cart).or_default();
        *acknowledged = acknowledged.and(known);
        if path != Path::Journal {
            self.check_read_your_writes(region, cart, known, random)?;
        }
        Ok(path)
    }

    fn check_read_your_writes(
        &mut self,
        region: usize,
        cart: CartIndex,
        written: Known,
        random: &mut Random,
    ) -> Result<(), Violation> {
        let now = self.load(region, cart, Some(random))?;
        if now.known().and(written) == now.known() || now.state.erased {
            return Ok(());
        }
        Err(Violation { broken: Broken::ReadYourWrites, what: format!("region {region}, cart {cart}") })
    }

    fn put(
        &mut self,
        (region, cart): (usize, CartIndex),
        loaded: &Loaded,
        delta: &Delta,
        known: Known,
        folded: Option<u64>,
    ) {
        let own = loaded.found.own.as_ref();
        let rows = Rows { own: own.map(|own| &own.state), all: &loaded.found.rows };
        let row = RowVersion {
            written_at: self.now,
            state: rows.rewritten(delta, self.now.day()),
            known: loaded.known().and(known),
            folded_through: folded.max(own.and_then(|own| own.folded_through)),
        };
        self.store.put(cart, self.regions[region].owner, row);
    }

    fn insert(&mut self, region: usize, cart: CartIndex, delta: Delta, known: Known) {
        let owner = self.regions[region].owner;
        let (written_at, bucket) = (self.now, crate::store::bucket(self.now));
        self.store.insert(crate::store::DeltaRow {
            cart,
            owner,
            written_at,
            bucket,
            state: delta,
            known,
            removed_at: None,
        });
    }

    /// A writer that nobody has used.
    fn new_writer(&mut self) -> WriterId {
        self.writers += 1;
        WriterId(self.writers)
    }

    /// The next dot of a cart's lane in a region.
    fn lane_dot(&mut self, region: usize, cart: CartIndex, state: &Cart) -> Dot {
        let fresh = self.new_writer();
        let lane = self.regions[region].lanes.entry(cart).or_insert(Lane { writer: fresh, next: 1 });
        if planted::is_on(Bug::P10LaneWriterReused) && lane.next == 0 {
            // It goes on from what the store shows of it.
            let known = state.context.writer(lane.writer).and_then(|known| known.seqs.iter().last());
            lane.next = known.map_or(1, |(_, last)| last + 1);
        }
        let dot = Dot::new(lane.writer, lane.next);
        lane.next += 1;
        dot
    }
}
