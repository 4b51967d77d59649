//! Shoppers: people with devices, devices with tabs, and tabs that do one thing after the other, here and there,
//! with whatever they were shown last or long ago, and once more when nobody answered.

mod choose;

use crate::{
    check, describe,
    request::{Asked, What, is_whole},
    world::{Attempt, Failure, Reply, World},
};
use cart::{
    CartId, Dot, Timestamp, WriterId,
    seen::Seen,
    token::{Freshness, GuestToken},
};
use parking_lot::Mutex;
use service::{CartAddress, CartAnswer, Identity, Principal, sessions::ACTIVE};
use std::sync::Arc;
use testkit::random::Random;

/// Attempts of one request.
const ATTEMPTS_MAX: u32 = 4;
/// Views that a device remembers.
const VIEWS_MAX: usize = 16;
/// Carts that a shopper claims at most: accounts read the rows of eight.
const CLAIMS_MAX: u32 = 3;
const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;
/// Nobody repeats a request later than this after the first time: a client's number is refused after 30 days, some of
/// which it may have been drawn before.
const REPEATED_MS_MAX: u64 = 28 * MS_PER_DAY;

/// What the tabs of a device share.
pub(crate) struct Device {
    subject: String,
    is_logged_in: bool,
    token: Option<GuestToken>,
    views: Vec<Seen>,
    freshness: Option<(Freshness, Timestamp)>,
    /// Claims that can be undone.
    receipts: Vec<(String, CartId)>,
    claims: u32,
}

/// One tab.
struct Tab {
    world: Arc<World>,
    device: Arc<Mutex<Device>>,
    random: Random,
    home: usize,
    writer: Option<(WriterId, Timestamp)>,
    counted: u32,
}

impl Device {
    pub(crate) fn new(subject: String, is_logged_in: bool) -> Arc<Mutex<Self>> {
        let (views, receipts) = (Vec::new(), Vec::new());
        let (token, freshness, claims) = (None, None, 0);
        Arc::new(Mutex::new(Self { subject, is_logged_in, token, views, freshness, receipts, claims }))
    }

    fn principal(&self, as_guest: bool) -> Principal {
        match self.token.filter(|_| as_guest || !self.is_logged_in) {
            Some(token) => Principal::Guest(token),
            None => Principal::Account { subject: self.subject.clone() },
        }
    }

    /// Takes in what an answer shows.
    fn learn(&mut self, answer: &CartAnswer) {
        if let Some(token) = answer.session {
            self.token = Some(token);
        }
        self.freshness = Some((answer.freshness.clone(), answer.now));
        let day = answer.now.day();
        self.views.push(Seen::of_cart(answer.cart, &answer.state, day));
        for sku in crate::request::SKUS {
            let key = crate::request::line(sku).key();
            self.views.push(Seen::of_line(answer.cart, &answer.state, key, day));
        }
        let excess = self.views.len().saturating_sub(VIEWS_MAX);
        self.views.drain(..excess);
    }
}

/// Lives through the acts of one tab.
pub(crate) async fn browse(world: Arc<World>, device: Arc<Mutex<Device>>, mut random: Random) {
    let (first, last) = world.climate.acts;
    let acts = random.between(first, last);
    let home = random.index(world.regions);
    let mut tab = Tab { world, device, random, home, writer: None, counted: 0 };
    for _ in 0..acts {
        let most = tab.random.pick(tab.world.climate.pauses_ms).copied().unwrap_or(0);
        tab.world.executor.sleep(tab.random.below(most + 1)).await;
        if tab.world.violation().is_some() {
            return;
        }
        tab.act().await;
    }
}

impl Tab {
    async fn act(&mut self) {
        let is_nobody = {
            let device = self.device.lock();
            !device.is_logged_in && device.token.is_none()
        };
        if is_nobody {
            let token = self.node().service.open_session();
            self.device.lock().token.get_or_insert(token);
        }
        let asked = self.choose();
        self.send(asked).await;
    }

    /// A node: mostly of the region where the tab is at home.
    fn node(&mut self) -> crate::node::Node {
        let region = if self.random.percent(70) { self.home } else { self.random.index(self.world.regions) };
        self.world.some_node(&mut self.random, Some(region))
    }

    /// Sends a request until somebody answers, and sometimes once more for nothing.
    async fn send(&mut self, asked: Asked) {
        let mut asked = Arc::new(asked);
        let last = self.world.executor.now() + REPEATED_MS_MAX;
        for attempt in 1..=ATTEMPTS_MAX {
            let answered = self.attempt(&asked).await;
            let is_heard = answered && !self.random.percent(8);
            if is_heard || !is_repeatable(&asked.what) || attempt == ATTEMPTS_MAX {
                break;
            }
            let delay = self.until_again(last);
            self.world.executor.sleep(delay).await;
            asked = self.again(&asked);
        }
        if is_repeatable(&asked.what) && self.random.percent(self.world.climate.much_later_percent) {
            let delay = self.until_again(last);
            self.send_much_later(&asked, delay);
        }
    }

    /// One attempt at one node; true when it was answered.
    async fn attempt(&mut self, asked: &Arc<Asked>) -> bool {
        let node = self.node();
        let patience = self.random.percent(4).then(|| self.random.below(200));
        let words = describe::asked(asked);
        self.world.note(|| format!("to region {}: {words}", node.region));
        let Attempt { execution, reply } = self.world.ask(&node, asked, patience).await;
        check::reply(&self.world, execution, asked, &reply);
        match reply {
            Ok(Reply::Cart(answer, _)) => {
                let mut device = self.device.lock();
                device.learn(&answer);
                if matches!(asked.what, What::Undo { .. }) && self.random.percent(50) {
                    device.is_logged_in = false;
                }
                true
            }
            Ok(Reply::Claimed { answer, id, is_decided, .. }) => {
                let mut device = self.device.lock();
                device.learn(&answer);
                device.is_logged_in = true;
                if let (What::Claim(request), true) = (&asked.what, is_decided) {
                    device.receipts.push((id, request.guest.cart));
                }
                true
            }
            Ok(Reply::Unseen(acknowledged)) => {
                let now = Timestamp(self.world.executor.now());
                let mut device = self.device.lock();
                device.token = acknowledged.session.or(device.token);
                device.freshness = Some((acknowledged.freshness, now));
                true
            }
            Ok(Reply::Done) => true,
            Err(Failure::Refused(error)) => !matches!(error, service::ServiceError::Store(_)),
            Err(Failure::Gone) => false,
        }
    }

    /// The same request as it is sent again: by whoever the device is by now, naming the cart first addressed.
    fn again(&mut self, asked: &Asked) -> Arc<Asked> {
        let device = self.device.lock();
        let principal = device.principal(false);
        let mut again = Asked { freshness: None, ..asked.clone() };
        let CartAddress::Own { principal: first, .. } = &asked.address else { return Arc::new(again) };
        if *first == principal || matches!(first, Principal::Account { .. }) {
            return Arc::new(again);
        }
        let (Principal::Guest(token), Principal::Account { .. }) = (first, &principal) else {
            return Arc::new(again);
        };
        if let What::Change(identity, _) | What::ChangeAll(identity, ..) = &mut again.what {
            if let Identity::Key { first_addressed, .. } = identity {
                first_addressed.get_or_insert(token.cart);
            }
            again.address = CartAddress::Own { principal, name: ACTIVE.into() };
        }
        Arc::new(again)
    }

    /// Milliseconds until a request is sent again, but not after `last`.
    fn until_again(&mut self, last: u64) -> u64 {
        let most = self.random.pick(self.world.climate.retries_ms).copied().unwrap_or(0);
        self.random.below(most + 1).min(last.saturating_sub(self.world.executor.now()))
    }

    /// Somebody had this in a queue for long.
    fn send_much_later(&mut self, asked: &Arc<Asked>, delay: u64) {
        let (world, mut random) = (self.world.clone(), Random::new(self.random.bits()));
        let again = self.again(asked);
        self.world.clone().errand(async move {
            world.executor.sleep(delay).await;
            let node = world.some_node(&mut random, None);
            let words = describe::asked(&again);
            world.note(|| format!("to region {}, much later: {words}", node.region));
            let Attempt { execution, reply } = world.ask(&node, &again, None).await;
            check::reply(&world, execution, &again, &reply);
        });
    }

    /// The next number of this tab, under a writer of at most some days.
    fn count(&mut self) -> Dot {
        let now = Timestamp(self.world.executor.now());
        let (writer, drawn) = self
            .writer
            .filter(|(_, drawn)| now.0 - drawn.0 < MS_PER_DAY)
            .unwrap_or_else(|| (WriterId::client(now.day(), self.random.bits()), now));
        if self.writer != Some((writer, drawn)) {
            self.counted = 0;
        }
        self.writer = Some((writer, drawn));
        self.counted += 1;
        Dot::new(writer, self.counted)
    }
}

/// True when sending it again is the same operation again.
fn is_repeatable(what: &What) -> bool {
    match what {
        What::Change(Identity::Unnamed, _) | What::ChangeAll(Identity::Unnamed, ..) => false,
        What::Change(_, change) => is_whole(change),
        What::ChangeAll(_, changes, _) => changes.iter().all(is_whole),
        What::Claim(_) | What::Undo { .. } => true,
        What::Read | What::Expire(_) | What::Erase(_) => false,
    }
}
