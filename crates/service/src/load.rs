//! Loading: rows from the store, decoded and joined, with those of merged guests.

use crate::{
    Service,
    error::ServiceError,
    identity::Presented,
    known::{Kept, KnownCart, RowsId, delta_name},
    lane::{Lane, flight::Ahead},
};
use bytes::Bytes;
use cart::{
    Cart, CartId, Day, Delta, Dot, Join, format,
    operation::Merge,
    rewrite::Rows,
    token::{Freshness, Receipt, RowSeen},
};
use std::sync::Arc;
use storage::{
    Bucket, CartRows, Consistency, DeltaRow, Edition, Grown, Owner, RowsAtHand, Snapshot, StoreError, Ticket,
    Version, WritePath, layer::asker::is_worker,
};

/// The most merged guests whose rows are read with an account's cart.
const GUESTS_MAX: usize = 8;

/// A cart as it is stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loaded {
    /// The join of all rows.
    pub(crate) state: Arc<Cart>,
    /// Each row and delta by itself, where the engine has rows rewritten.
    pub(crate) rows: Vec<Arc<Cart>>,
    /// The own row.
    pub(crate) own: Option<OwnRow>,
    /// A change that was acknowledged and that no row holds: joined, and to be written with the next change.
    pub(crate) lost: Option<(Dot, Delta)>,
    /// The versions that were joined.
    pub(crate) versions: Vec<RowSeen>,
    /// Of the deltas that were joined and that no version counts yet, the newest of each writer.
    pub(crate) unfolded: Vec<Dot>,
    /// The state as it was decoded; `None` once anything else was joined to it.
    pub(crate) known: Option<Arc<KnownCart>>,
}

/// This node's owner's row.
#[derive(Clone, Debug)]
pub(crate) struct OwnRow {
    pub(crate) version: Version,
    pub(crate) folded_through: Bucket,
    pub(crate) state: Arc<Cart>,
}

impl Service {
    /// The cart as the store shows it.
    pub(crate) async fn load(&self, cart: CartId, consistency: Consistency) -> Result<Loaded, ServiceError> {
        let decoded = self.load_alone(cart, consistency).await?;
        self.with_merged_guests(decoded, consistency).await
    }

    async fn with_merged_guests(
        &self,
        mut decoded: Loaded,
        consistency: Consistency,
    ) -> Result<Loaded, ServiceError> {
        if !self.stores.carts.capabilities().single_writer {
            self.join_merged_guests(&mut decoded, consistency).await?;
        }
        Ok(decoded)
    }

    /// The cart without what its merged guests may hold.
    pub(crate) async fn load_alone(
        &self,
        cart: CartId,
        consistency: Consistency,
    ) -> Result<Loaded, StoreError> {
        let rows = match consistency {
            Consistency::Eventual => self.rows_at_hand(cart).await?,
            Consistency::Strong => self.rows(cart, consistency).await?,
        };
        let loaded = self.decode(cart, &rows, &self.known.get(cart))?;
        // What workers walk over would take the place of what shoppers ask for.
        if let Some(known) = loaded.known.as_ref().filter(|_| !is_worker()) {
            self.known.keep(cart, known);
        }
        Ok(loaded)
    }

    /// Its rows as an eventual load shows them, with their edition where the store had them at hand.
    pub(crate) async fn rows_at_hand(&self, cart: CartId) -> Result<RowsAtHand, StoreError> {
        match self.stores.carts.load_at_hand(cart).inspect_err(count_corrupt)? {
            Some(at_hand) => Ok(at_hand),
            None => self.rows(cart, Consistency::Eventual).await,
        }
    }

    async fn rows(&self, cart: CartId, consistency: Consistency) -> Result<RowsAtHand, StoreError> {
        let rows = self.stores.carts.load(cart, consistency).await.inspect_err(count_corrupt)?;
        Ok(RowsAtHand { rows, edition: None })
    }

    /// What came to rows that are known, where what is known can be joined with it.
    pub(crate) fn grown_since(&self, cart: CartId, known: Option<Edition>) -> Option<Grown> {
        let grown = self.stores.carts.grown_since(cart, known?)?;
        Some(grown).filter(|grown| grown.deltas.is_empty() || !self.keeps_rows())
    }

    /// True where the engine has rows rewritten, and so each by itself is needed.
    fn keeps_rows(&self) -> bool {
        self.stores.carts.capabilities().write_path == WritePath::Replace
    }

    /// As [`Self::load_fresh`], for a write that holds the lane: with what is in flight where that is all it needs. Then
    /// the ticket says when all of it is durable.
    pub(crate) async fn load_ahead(
        &self,
        cart: CartId,
        lane: &Lane,
        presented: &Presented,
    ) -> Result<(Loaded, bool, Ticket), ServiceError> {
        let ahead = lane.flights().ahead().filter(|_| presented.receipt.is_none());
        if let Some(Ahead { known, ticket }) = ahead {
            let loaded = Loaded::of(known);
            let freshness = presented.freshness.as_ref().filter(|seen| seen.cart == cart);
            if freshness.is_none_or(|seen| seen.is_covered_by(&loaded.state, &loaded.versions)) {
                return Ok((loaded, false, ticket));
            }
        }
        lane.flights().landed().await;
        let (loaded, lagging) = self.load_fresh(cart, presented).await?;
        Ok((loaded, lagging, Ticket::DURABLE))
    }

    /// The cart as new as the caller has been shown it, where the store can; the flag says that it could not.
    pub(crate) async fn load_fresh(
        &self,
        cart: CartId,
        presented: &Presented,
    ) -> Result<(Loaded, bool), ServiceError> {
        let decoded = self.load_alone(cart, Consistency::Eventual).await?;
        self.load_fresh_of(cart, decoded, presented).await
    }

    /// The same, where what was just decoded of its own rows is new enough.
    pub(crate) async fn load_fresh_of(
        &self,
        cart: CartId,
        decoded: Loaded,
        presented: &Presented,
    ) -> Result<(Loaded, bool), ServiceError> {
        let (mut loaded, lagging) = self.load_shown(cart, decoded, presented.freshness.as_ref()).await?;
        let receipt = presented.receipt.as_ref();
        if let Some(receipt) = receipt.filter(|receipt| !receipt.is_expired(self.environment.now().day())) {
            loaded.join_receipt(cart, receipt, self.environment.now().day());
        }
        Ok((loaded, lagging))
    }

    async fn load_shown(
        &self,
        cart: CartId,
        decoded: Loaded,
        freshness: Option<&Freshness>,
    ) -> Result<(Loaded, bool), ServiceError> {
        let loaded = self.with_merged_guests(decoded, Consistency::Eventual).await?;
        let Some(seen) = freshness.filter(|seen| seen.cart == cart) else { return Ok((loaded, false)) };
        if seen.is_covered_by(&loaded.state, &loaded.versions) {
            return Ok((loaded, false));
        }
        match self.load(cart, Consistency::Strong).await {
            Ok(strong) => {
                let lagging = !seen.is_covered_by(&strong.state, &strong.versions);
                Ok((strong, lagging))
            }
            // A cart is shown as well as it is known.
            Err(ServiceError::Store(StoreError::Unavailable(_) | StoreError::Overloaded)) => {
                Ok((loaded, true))
            }
            Err(error) => Err(error),
        }
    }

    /// What rows join to. What is new of it is not kept yet.
    pub(crate) fn decode(
        &self,
        cart: CartId,
        at_hand: &RowsAtHand,
        kept: &Kept,
    ) -> Result<Loaded, StoreError> {
        self.decode_unknown(cart, at_hand, kept).inspect_err(count_corrupt)
    }

    /// The same, decoded as far as it is not known.
    fn decode_unknown(&self, cart: CartId, at_hand: &RowsAtHand, kept: &Kept) -> Result<Loaded, StoreError> {
        let rows = &at_hand.rows;
        let id = RowsId::of(rows);
        if id.is_empty() {
            let nothing = KnownCart::default();
            nothing.note_edition(at_hand.edition);
            return Ok(Loaded::of(Arc::new(nothing)));
        }
        let known = kept.decoded.as_ref();
        let same = known.filter(|known| known.id == id);
        let keeps_rows = self.keeps_rows();
        let beginning =
            known.filter(|_| !keeps_rows).and_then(|known| Some((known.id.known_of(&id)?, known)));
        if !is_worker() {
            self.known.count_decoded(same.is_some() || beginning.is_some());
        }
        if let Some(known) = same {
            known.note_edition(at_hand.edition);
            return Ok(Loaded::of(known.clone()));
        }
        let fresh = match beginning {
            Some((deltas, known)) => known.with(id, cart, &rows.deltas[deltas..])?,
            None => {
                let loaded = self.decode_rows(cart, rows)?;
                let mut known = KnownCart::new(id, loaded.state);
                if keeps_rows {
                    (known.own, known.rows) = (loaded.own, loaded.rows);
                }
                known
            }
        };
        fresh.note_edition(at_hand.edition);
        Ok(Loaded::of(Arc::new(fresh)))
    }

    /// The same, decoded anew and with each row by itself.
    pub(crate) fn decode_rows(&self, cart: CartId, rows: &CartRows) -> Result<Loaded, StoreError> {
        let mut loaded = Loaded { versions: rows.versions(), ..Loaded::default() };
        for row in &rows.snapshots {
            let decoded = OwnRow::decode(cart, row)?;
            if row.owner == self.owner {
                loaded.own = Some(decoded.clone());
            }
            loaded.rows.push(decoded.state);
        }
        for delta in &rows.deltas {
            loaded.rows.push(Arc::new(decode(cart, &delta.bytes)?));
        }
        loaded.join_rows();
        Ok(loaded)
    }

    /// What a cart that is known joins to with what came since.
    pub(crate) fn decode_grown(
        &self,
        cart: CartId,
        known: &Arc<KnownCart>,
        grown: &Grown,
    ) -> Result<Loaded, StoreError> {
        self.known.count_decoded(true);
        if grown.deltas.is_empty() {
            return Ok(Loaded::of(known.clone()));
        }
        let id = known.id.with(grown.deltas.iter().map(delta_name));
        let fresh = known.with(id, cart, &grown.deltas).inspect_err(count_corrupt)?;
        fresh.note_edition(Some(grown.edition));
        Ok(Loaded::of(Arc::new(fresh)))
    }

    /// A guest's cart that another region still wrote after it was merged here belongs to the account.
    async fn join_merged_guests(
        &self,
        loaded: &mut Loaded,
        consistency: Consistency,
    ) -> Result<(), ServiceError> {
        let today = self.environment.now().day();
        let merged = loaded.state.merged.iter();
        let mut guests: Vec<_> =
            merged.filter(|(guest, _)| loaded.state.reads_guest(**guest, today)).collect();
        guests.sort_by_key(|(guest, day)| (std::cmp::Reverse(**day), **guest));
        let guests: Vec<CartId> = guests.into_iter().take(GUESTS_MAX).map(|(guest, _)| *guest).collect();
        for guest in guests {
            let state = self.load_alone(guest, consistency).await?.state;
            // As rows of the account: what a merge of them brings, without the merge's own dot.
            let brought = Merge { guest, state: Arc::unwrap_or_clone(state) }.brought(today);
            Arc::make_mut(&mut loaded.state).join(&brought);
            loaded.rows.push(Arc::new(brought));
            loaded.known = None;
        }
        Ok(())
    }
}

impl KnownCart {
    /// With further deltas.
    fn with(&self, id: RowsId, cart: CartId, deltas: &[DeltaRow]) -> Result<Self, StoreError> {
        let mut state = Cart::clone(&self.state);
        for delta in deltas {
            state.join(&decode(cart, &delta.bytes)?);
        }
        Ok(Self::new(id, Arc::new(state)))
    }
}

impl Loaded {
    pub(crate) fn of(known: Arc<KnownCart>) -> Self {
        Self {
            state: known.state.clone(),
            rows: known.rows.clone(),
            own: known.own.clone(),
            lost: None,
            versions: known.id.versions(),
            unfolded: known.id.newest_operations(),
            known: Some(known),
        }
    }

    fn join_rows(&mut self) {
        self.known = None;
        self.state = match self.rows.as_slice() {
            [only] => only.clone(),
            _ => Arc::new(self.as_rows().joined()),
        };
    }

    /// Joins what was acknowledged of this cart, or of a guest's that is merged into it, where it is not there.
    fn join_receipt(&mut self, cart: CartId, receipt: &Receipt, today: Day) {
        let Ok(delta) = receipt.delta() else { return }; // read before, when it was presented
        let delta = match receipt.cart {
            own if own == cart => delta,
            guest if self.state.merged.contains_key(&guest) => Merge { guest, state: delta }.brought(today),
            _ => return,
        };
        let joined = self.state.joined(&delta);
        if joined != *self.state {
            self.state = Arc::new(joined);
            self.known = None;
            self.lost = Some((receipt.dot, delta));
        }
    }

    /// The rows, for rewriting the own one.
    pub(crate) fn as_rows(&self) -> Rows<'_, Arc<Cart>> {
        Rows { own: self.own.as_ref().map(|own| &*own.state), all: &self.rows }
    }

    /// Puts what is the own row now in the place of what was.
    pub(crate) fn replace_own(&mut self, own: Option<OwnRow>) {
        if let Some(own) = &own {
            self.rows.push(own.state.clone());
        }
        self.own = own;
        self.join_rows();
    }

    /// True when the own row has all of the delta in it. That it knows the operation's dot would not do: a merge
    /// that is executed again under its one dot may bring more than the first time.
    pub(crate) fn own_has(&self, delta: &Delta) -> bool {
        self.own.as_ref().is_some_and(|own| own.state.joined(delta) == *own.state)
    }

    /// The own row is a later version now.
    pub(crate) fn note_version(&mut self, owner: &Owner, version: Version) {
        self.versions.retain(|row| row.owner != owner.as_str());
        self.versions.push(RowSeen { owner: owner.as_str().into(), version: version.0 });
    }

    /// What the caller has been shown, to be sent back.
    pub(crate) fn freshness(&self, cart: CartId, dot: Option<Dot>) -> Freshness {
        // Of many writers the token keeps the last ones, and so the caller's own.
        let dots = self.unfolded.iter().copied().chain(dot).collect();
        Freshness { cart, rows: self.versions.clone(), dots }
    }
}

impl OwnRow {
    pub(crate) fn decode(cart: CartId, row: &Snapshot) -> Result<Self, StoreError> {
        let (version, folded_through) = (row.version, row.folded_through);
        Ok(Self { version, folded_through, state: Arc::new(decode(cart, &row.bytes)?) })
    }
}

fn decode(cart: CartId, bytes: &Bytes) -> Result<Cart, StoreError> {
    format::decode(bytes).map_err(|source| StoreError::Corrupt { record: cart.to_string(), source })
}

/// Counts a load that met bytes which cannot be read, whether the engine found that or we did.
fn count_corrupt(error: &StoreError) {
    if matches!(error, StoreError::Corrupt { .. }) {
        metrics::counter!("evercart_corrupt_records_total", "kind" => "cart").increment(1);
    }
}
