//! A payment provider in memory, which remembers what it set aside and what it gave back (K6).

use super::world::Switch;
use crate::checkout::hooks::{Authorisation, Authorised, HookError, Payments};
use async_trait::async_trait;
use checkout::{TxId, effect::Payment};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};
use storage::layer::fault::{Fault, Faults};

/// How the provider answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It sets money aside.
    Yes,
    /// It declines.
    No,
    /// The shopper must act first; having acted, it is a yes.
    Asks,
    /// It sets money aside, and its answer is lost every time.
    Mute,
    /// It sets money aside and never answers.
    Hangs,
}

/// The provider.
pub(super) struct Bank {
    mood: Mood,
    has_acted: AtomicBool,
    books: Mutex<Accounts>,
    faults: OnceLock<Arc<Switch>>,
}

#[derive(Clone, Debug, Default)]
struct Accounts {
    authorised: BTreeSet<TxId>,
    voided: BTreeSet<TxId>,
}

impl Bank {
    pub(super) fn new(mood: Mood) -> Arc<Self> {
        let (has_acted, books, faults) = (AtomicBool::new(false), Mutex::default(), OnceLock::new());
        Arc::new(Self { mood, has_acted, books, faults })
    }

    /// Its answers meet the same faults as the stores'.
    pub(super) fn meets(&self, faults: Arc<Switch>) {
        self.faults.set(faults).ok();
    }

    /// The shopper did what was asked.
    pub(super) fn act(&self) {
        self.has_acted.store(true, Ordering::Relaxed);
    }

    /// True while money is set aside under this key.
    pub(super) fn has_money(&self, tx: TxId) -> bool {
        let books = self.books.lock().unwrap();
        books.authorised.contains(&tx) && !books.voided.contains(&tx)
    }

    /// All keys under which money is set aside.
    pub(super) fn set_aside(&self) -> BTreeSet<TxId> {
        let books = self.books.lock().unwrap();
        books.authorised.difference(&books.voided).copied().collect()
    }

    fn fault(&self, name: &'static str) -> Fault {
        self.faults.get().map_or(Fault::None, |faults| faults.next(name))
    }

    fn book(&self, tx: TxId) -> Payment {
        let mut books = self.books.lock().unwrap();
        if books.voided.contains(&tx) {
            return Payment::Declined;
        }
        match self.mood {
            Mood::No => Payment::Declined,
            Mood::Asks if !self.has_acted.load(Ordering::Relaxed) => Payment::RequiresAction,
            Mood::Yes | Mood::Asks | Mood::Mute | Mood::Hangs => {
                books.authorised.insert(tx);
                Payment::Authorised
            }
        }
    }
}

/// Meets a fault: true where the work is done and answered.
async fn meet(fault: Fault, mut work: impl FnMut()) -> Result<(), HookError> {
    match fault {
        Fault::Before => return Err(HookError::Unavailable("not heard".into())),
        Fault::StopBefore => std::future::pending().await,
        Fault::None | Fault::After | Fault::StopAfter => work(),
        Fault::Twice => {
            work();
            work();
        }
    }
    match fault {
        Fault::After => Err(HookError::Unknown("the answer is lost".into())),
        Fault::StopAfter => std::future::pending().await,
        _ => Ok(()),
    }
}

#[async_trait]
impl Payments for Bank {
    async fn authorise(&self, request: &Authorisation) -> Result<Authorised, HookError> {
        let mut verdict = Payment::Declined;
        meet(self.fault("authorise"), || verdict = self.book(request.tx)).await?;
        match self.mood {
            Mood::Mute => Err(HookError::Unknown("the answer is lost".into())),
            Mood::Hangs => std::future::pending().await,
            _ => Ok(Authorised { verdict, action: None }),
        }
    }

    async fn void(&self, tx: TxId) -> Result<(), HookError> {
        meet(self.fault("void"), || {
            self.books.lock().unwrap().voided.insert(tx);
        })
        .await
    }
}
