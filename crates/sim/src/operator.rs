//! What workers and operators do to carts, as long as the service has no use case for it: through the stores, with
//! the product's own functions.

use crate::{
    describe,
    engine::owner,
    node::Node,
    request::{Asked, What},
    world::World,
};
use cart::{
    Cart, CartId, Delta, Dot, WriterId, format,
    operation::{Erase, Expire, Merge, Operation, Stamp},
    rewrite::Rows,
    seen::Seen,
};
use service::{CartAddress, Presented, Principal, ServiceError, sessions::ACTIVE};
use std::sync::Arc;
use storage::{Bucket, Consistency, DeltaKey, Replaced, RowKey, StoreError, Version, WritePath};
use testkit::random::Random;

/// Attempts of one write.
const ATTEMPTS_MAX: u32 = 8;

/// The rows of a cart, each by itself, with what merged guests bring.
struct Known {
    own: Option<(Version, Cart)>,
    rows: Vec<Cart>,
}

impl Known {
    fn rows(&self) -> Rows<'_> {
        Rows { own: self.own.as_ref().map(|(_, own)| own), all: &self.rows }
    }
}

/// Now and then expires or erases the carts of a subject.
pub(crate) async fn work(world: Arc<World>, subject: String, mut random: Random) {
    for _ in 0..random.between(0, 3) {
        let most = random.pick(world.climate.pauses_ms).copied().unwrap_or(0);
        world.executor.sleep(random.below(3 * most + 1)).await;
        let node = world.some_node(&mut random, None);
        let address = CartAddress::Own {
            principal: Principal::Account { subject: subject.clone() },
            name: ACTIVE.into(),
        };
        let Ok(account) = node.service.read_own(&address, &Presented::default()).await else { continue };
        let what = if random.percent(75) { What::Expire(account.cart) } else { What::Erase(account.cart) };
        let asked = Arc::new(Asked {
            address: CartAddress::Id(account.cart),
            freshness: None,
            wants_to_see: true,
            what,
        });
        world.note(|| format!("to region {}: {}", node.region, describe::asked(&asked)));
        world.ask(&node, &asked, None).await;
    }
}

/// Takes away what is seen of a cart that nobody touched for long.
pub(crate) async fn expire(node: &Node, cart: CartId) -> Result<(), ServiceError> {
    let known = load(node, cart).await?;
    let state = known.rows().joined();
    if state.erased || state.entries.is_empty() {
        return Ok(());
    }
    let seen = Seen::of_cart(cart, &state, node.now().day());
    write(node, cart, known, Operation::Expire(Expire { seen })).await
}

/// Forgets a cart, and the guests that were merged into it.
pub(crate) async fn erase(node: &Node, cart: CartId) -> Result<(), ServiceError> {
    let known = load(node, cart).await?;
    let merged = known.rows().joined().merged;
    write(node, cart, known, Operation::Erase(Erase)).await?;
    for guest in merged.into_keys() {
        let known = load(node, guest).await?;
        write(node, guest, known, Operation::Erase(Erase)).await?;
    }
    Ok(())
}

async fn load(node: &Node, cart: CartId) -> Result<Known, ServiceError> {
    let mut known = load_one(node, cart).await?;
    for guest in known.rows().joined().merged.into_keys() {
        let state = load_one(node, guest).await?.rows().joined();
        known.rows.push(Merge { guest, state }.brought(node.now().day()));
    }
    Ok(known)
}

async fn load_one(node: &Node, cart: CartId) -> Result<Known, ServiceError> {
    let stored = node.service.stores().carts.load(cart, Consistency::Strong).await?;
    let corrupt = |source| StoreError::Corrupt { record: cart.to_string(), source };
    let mut known = Known { own: None, rows: Vec::new() };
    for row in stored.snapshots {
        let state = format::decode(&row.bytes).map_err(corrupt)?;
        if row.owner == owner(node.region) {
            known.own = Some((row.version, state.clone()));
        }
        known.rows.push(state);
    }
    for delta in stored.deltas {
        known.rows.push(format::decode(&delta.bytes).map_err(corrupt)?);
    }
    Ok(known)
}

async fn write(
    node: &Node,
    cart: CartId,
    mut known: Known,
    operation: Operation,
) -> Result<(), ServiceError> {
    let at = node.now();
    let dot = Dot::new(WriterId(node.draw()), 1);
    let delta = operation.delta(&Stamp { dot, origin: cart, at });
    let carts = &node.service.stores().carts;
    if carts.capabilities().write_path == WritePath::Append {
        return Ok(append(node, cart, &delta, dot).await?);
    }
    for _ in 0..ATTEMPTS_MAX {
        let row = known.rows().rewritten(&delta, at.day());
        let expected = known.own.as_ref().map(|(version, _)| *version);
        let key = RowKey { cart, owner: owner(node.region) };
        let bytes = format::encode(&row).into();
        if let Replaced::Applied(_) = carts.replace(&key, expected, Bucket(0), bytes).await? {
            return Ok(());
        }
        known = load(node, cart).await?;
    }
    Err(StoreError::Overloaded.into())
}

async fn append(node: &Node, cart: CartId, delta: &Delta, operation: Dot) -> Result<(), StoreError> {
    let bytes = bytes::Bytes::from(format::encode(delta));
    let (bucket, value_hash) = (Bucket(node.now().0 / 60_000), format::checksum(&bytes));
    let key = DeltaKey { cart, owner: owner(node.region), bucket, operation, value_hash };
    node.service.stores().carts.append(&key, bytes).await
}
