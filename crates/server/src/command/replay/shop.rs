//! What one shopper does for one invoice: a guest cart filled line by line, read back, with a customer number claimed
//! by the account and verified there, and checked out; or, without checkout, cleared by the account.
//!
//! Always holds: keys are derived from the run's seed and the row of the file, so that a repeated request has one
//! effect; a cart that differs, for whatever reason, is told in words and never stops the others.
//! Deliberately absent: the order of invoices (`drive`).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::api::Guest;
use super::catalogue::{self, Catalogue};
use super::client::{CallError, Client};
use super::pence::Pence;
use super::plan::{PlannedCart, Visit};
use super::verify;
use super::wire::{self, selling::Order};

mod checkout;
mod orders;
mod returns;
mod stock;

use checkout::Buyer;

pub(super) use checkout::Bought;
pub(super) use orders::Books;
pub(super) use returns::SettledReturn;
pub(super) use stock::{Shelves, differences as stock_differences};

/// The bounds of one catalogue request: what any server takes in one body, and a few thousand items.
const CATALOGUE_LINES_MAX: usize = 5_000;
const CATALOGUE_BYTES_MAX: usize = 240 * 1_024;
/// Between two reads of a cart that does not show everything yet.
const READ_PAUSE: Duration = Duration::from_millis(20);

/// Makes a shopper's token for a subject.
pub(super) type IssueShopper = dyn Fn(&str) -> anyhow::Result<String> + Send + Sync;

/// Who the replay is to the server.
pub(super) struct Tokens {
    pub(super) shopper: Box<IssueShopper>,
    /// A service token with the scopes `catalog`, `carts`, `inventory` and `orders`.
    pub(super) service: String,
}

/// Why the whole replay stops.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    NoAnswer(CallError),
    #[error("no token for `{subject}`: {cause}")]
    NoToken { subject: String, cause: String },
}

/// A server to shop at.
pub(super) struct Shop {
    pub(super) client: Client,
    pub(super) tokens: Tokens,
    /// Differs from run to run, so that the keys of two runs never meet.
    pub(super) seed: u64,
    /// True when carts are checked out, false when accounts' carts are cleared and guests' stay.
    pub(super) sells: bool,
}

/// What the replay knows of one customer's account between two invoices.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The cart was seen empty after the last invoice. False at first: an earlier run may have left something.
    empty: bool,
    /// Cart, as planned → id of its order.
    orders: HashMap<String, String>,
}

/// What became of one planned cart.
pub(super) struct Settled {
    pub(super) name: String,
    pub(super) customer: Option<Arc<str>>,
    pub(super) expected: Pence,
    /// The subtotal that the server showed last while the cart was full.
    pub(super) shown: Option<Pence>,
    /// In words; empty when the cart is what the file says.
    pub(super) differences: Vec<String>,
    /// True when the account showed the claimed cart only when it was asked again.
    pub(super) late_claim: bool,
    /// True when items were without a title until the cart was read again.
    pub(super) late_items: bool,
    /// The order, where the cart was checked out.
    pub(super) bought: Option<Bought>,
    /// A guest's cart that stays, with what it must still hold at the end.
    pub(super) stays: Option<Stays>,
}

impl Settled {
    fn tell(&mut self, place: &str, differences: &[String]) {
        self.differences.extend(differences.iter().map(|difference| format!("{place}: {difference}")));
    }
}

/// Where, or when, a cart is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Guest,
    Account,
    End,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Guest => "guest cart",
            Self::Account => "account cart",
            Self::End => "at the end",
        }
    }
}

/// A cart that nobody claims.
pub(super) struct Stays {
    guest: Guest,
    /// What it must still hold: nothing once it was bought.
    planned: PlannedCart,
}

/// What became of a visit.
#[derive(Default)]
pub(super) struct Visited {
    pub(super) carts: Vec<Settled>,
    pub(super) returns: Vec<SettledReturn>,
}

impl Shop {
    /// Puts the catalogue on the server; returns in words what was not stored.
    pub(super) async fn stock(&self, items: &Catalogue) -> Result<Vec<String>, CallError> {
        let mut failures = Vec::new();
        for batch in catalogue::batches(items, CATALOGUE_LINES_MAX, CATALOGUE_BYTES_MAX) {
            failures.extend(self.client.put_items(&self.tokens.service, batch.lines, batch.text).await?);
        }
        Ok(failures)
    }

    /// Does the whole of one invoice.
    pub(super) async fn visit(&self, visit: Visit, account: &mut Account) -> Result<Visited, Stopped> {
        let mut visited = Visited::default();
        for planned in visit.carts {
            let settled = self.shop_for(planned, visit.customer.as_ref(), account).await?;
            if let Some(bought) = &settled.bought {
                account.orders.insert(settled.name.clone(), bought.order.clone());
            }
            visited.carts.push(settled);
        }
        for planned in visit.returns {
            visited.returns.push(self.take_back(planned, account).await?);
        }
        Ok(visited)
    }

    /// Reads a guest's cart that stays once more, at the end: it must still hold what was put in and not bought. Enters
    /// the guest's orders into the books.
    pub(super) async fn check_again(
        &self,
        stays: &Stays,
        settled: &mut Settled,
    ) -> Result<Vec<Order>, Stopped> {
        let shown = settled.shown;
        self.compare_guest(&stays.planned, &stays.guest, Place::End, settled).await?;
        let bought = settled.bought.as_ref().map(|bought| bought.order.clone());
        if bought.is_some() {
            settled.shown = shown;
        }
        let answered: Vec<&str> = bought.as_deref().into_iter().collect();
        self.orders_of(&stays.guest.token, &answered, &mut settled.differences).await
    }

    /// Reads an account's cart at the end: it must be empty; tells in words what is not, and which orders there are.
    pub(super) async fn check_account(
        &self,
        customer: &str,
        answered: &[&str],
    ) -> Result<(Vec<String>, Vec<Order>), Stopped> {
        let mut differences = Vec::new();
        let token = self.shopper_token(customer)?;
        let read = self.client.read(&token, None).await;
        if let Some(cart) = note(read, format_args!("at the end: "), &mut differences)? {
            differences.extend(verify::differences_from_empty(&cart));
        }
        let orders = self.orders_of(&token, answered, &mut differences).await?;
        Ok((differences, orders))
    }

    async fn orders_of(
        &self,
        token: &str,
        answered: &[&str],
        differences: &mut Vec<String>,
    ) -> Result<Vec<Order>, Stopped> {
        if !self.sells {
            return Ok(Vec::new());
        }
        let listed = self.all_orders(token, answered).await;
        Ok(note(listed, format_args!("at the end: "), differences)?.unwrap_or_default())
    }

    async fn shop_for(
        &self,
        planned: PlannedCart,
        customer: Option<&Arc<str>>,
        account: &mut Account,
    ) -> Result<Settled, Stopped> {
        let mut settled = Settled {
            name: planned.name.clone(),
            customer: customer.cloned(),
            expected: planned.subtotal,
            shown: None,
            differences: Vec::new(),
            late_claim: false,
            late_items: false,
            bought: None,
            stays: None,
        };
        let Some(guest) = self.fill(&planned, &mut settled).await? else { return Ok(settled) };
        match customer {
            Some(customer) => {
                let token = self.shopper_token(customer)?;
                let claimed = self.claim(&planned, &guest, &token, account, &mut settled).await;
                note(claimed, format_args!(""), &mut settled.differences)?;
            }
            None => {
                let planned = if self.sells {
                    self.buy_as_guest(planned, &guest, &mut settled).await?
                } else {
                    planned
                };
                settled.stays = Some(Stays { guest, planned });
            }
        }
        Ok(settled)
    }

    /// Checks a guest's cart out; returns what it must hold from then on.
    async fn buy_as_guest(
        &self,
        planned: PlannedCart,
        guest: &Guest,
        settled: &mut Settled,
    ) -> Result<PlannedCart, Stopped> {
        let buyer = Buyer { token: &guest.token, context: guest.context.as_deref() };
        let bought = self.buy(&planned, buyer, settled).await;
        let Some(left) = note(bought, format_args!(""), &mut settled.differences)? else {
            return Ok(planned);
        };
        settled.tell("cart behind its order", &verify::differences_from_empty(&left));
        Ok(PlannedCart::default())
    }

    /// Opens a session, adds every line and reads the cart back; `None` when there is no session.
    async fn fill(&self, planned: &PlannedCart, settled: &mut Settled) -> Result<Option<Guest>, Stopped> {
        let session = self.client.open_session().await;
        let Some(mut guest) = note(session, format_args!(""), &mut settled.differences)? else {
            return Ok(None);
        };
        for add in &planned.adds {
            let key = self.key("add", add.row);
            let added = self.client.add(&self.tokens.service, &mut guest, add, key).await;
            let place = format_args!("row {}, `{}`: ", add.row, add.key.sku);
            note(added, place, &mut settled.differences)?;
        }
        self.compare_guest(planned, &guest, Place::Guest, settled).await?;
        Ok(Some(guest))
    }

    /// Claims a guest's cart, compares the account's with the file, and buys or clears it.
    async fn claim(
        &self,
        planned: &PlannedCart,
        guest: &Guest,
        token: &str,
        account: &mut Account,
        settled: &mut Settled,
    ) -> Result<(), CallError> {
        // Keys of a cart's own calls are told apart by the first row of the cart.
        let row = planned.adds.first().map_or(0, |add| add.row);
        if !account.empty {
            self.tidy(token, row).await?;
        }
        account.empty = false;
        let context = self.client.claim(token, guest, self.key("claim", row)).await?;
        let cart = self.compare(planned, token, context.as_deref(), Place::Account, settled).await?;
        let (place, left) = if self.sells {
            let buyer = Buyer { token, context: context.as_deref() };
            ("cart behind its order", self.buy(planned, buyer, settled).await?)
        } else {
            ("cleared cart", self.client.clear(token, &cart.seen, self.key("clear", row)).await?)
        };
        let left = verify::differences_from_empty(&left);
        account.empty = left.is_empty();
        settled.tell(place, &left);
        Ok(())
    }

    /// Clears what an earlier run, or a cart that differed, left in an account.
    async fn tidy(&self, token: &str, row: u64) -> Result<(), CallError> {
        let cart = self.client.read(token, None).await?;
        if !cart.lines.is_empty() {
            self.client.clear(token, &cart.seen, self.key("tidy", row)).await?;
        }
        Ok(())
    }

    async fn compare_guest(
        &self,
        planned: &PlannedCart,
        guest: &Guest,
        place: Place,
        settled: &mut Settled,
    ) -> Result<(), Stopped> {
        let read = self.compare(planned, &guest.token, guest.context.as_deref(), place, settled).await;
        note(read, format_args!("{}: ", place.name()), &mut settled.differences)?;
        Ok(())
    }

    /// Reads a cart, and again for a short while when what it lacks is promised to come; takes note of what differs.
    async fn compare(
        &self,
        planned: &PlannedCart,
        token: &str,
        context: Option<&str>,
        place: Place,
        settled: &mut Settled,
    ) -> Result<wire::Cart, CallError> {
        let started = Instant::now();
        loop {
            let cart = self.client.read(token, context).await?;
            let comparison = verify::compare(planned, &cart);
            let waits_for_items = comparison.waits_for_items();
            let waits_for_claim = place == Place::Account
                && settled.differences.is_empty()
                && !comparison.differences.is_empty();
            let waits_for_stock = comparison.waits_for_stock();
            let patience = &self.client.patience;
            let longest = if waits_for_stock { patience.sweep } else { patience.lateness };
            let waits = waits_for_items || waits_for_claim || waits_for_stock;
            if !waits || started.elapsed() > longest {
                settled.shown = Some(Pence(cart.totals.subtotal.amount));
                settled.tell(place.name(), &comparison.differences);
                return Ok(cart);
            }
            settled.late_items |= waits_for_items;
            settled.late_claim |= !waits_for_items && !waits_for_stock;
            sleep(if waits_for_stock { patience.longest_pause } else { READ_PAUSE }).await;
        }
    }

    fn shopper_token(&self, customer: &str) -> Result<String, Stopped> {
        let subject = format!("online-retail-{customer}");
        (self.tokens.shopper)(&subject)
            .map_err(|cause| Stopped::NoToken { subject, cause: format!("{cause:#}") })
    }

    /// The same in every attempt, and different for every call of every run.
    fn key(&self, call: &str, row: u64) -> String {
        self.named_key(call, &row.to_string())
    }

    /// A key of something that has a name in the file.
    fn named_key(&self, call: &str, name: &str) -> String {
        format!("{}-{call}-{name}", self.run_name())
    }

    /// Tells this run from others on the same server.
    fn run_name(&self) -> String {
        format!("replay-{:016x}", self.seed)
    }
}

/// A failed call is a difference of its cart, in words; a server that does not answer ends the replay.
fn note<T>(
    outcome: Result<T, CallError>,
    place: fmt::Arguments<'_>,
    differences: &mut Vec<String>,
) -> Result<Option<T>, Stopped> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error @ CallError::GaveUp { .. }) => Err(Stopped::NoAnswer(error)),
        Err(error) => {
            differences.push(format!("{place}{error}"));
            Ok(None)
        }
    }
}
