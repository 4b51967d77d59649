//! Whose rows a cart may have: a list that is read every ten seconds and bounded, because a load asks for each.

use super::{REFRESH_EVERY, Statements};
use crate::{error, statement};
use parking_lot::Mutex;
use scylla::client::session::Session;
use std::{collections::BTreeSet, sync::Arc, time::Instant};
use storage::{Owner, StoreError, error::Result};

/// Every load asks once for each of them.
const OWNERS_MAX: usize = 64;
/// After so many refreshes that failed, a load reads the list first.
const REFRESHES_MISSED_MAX: u32 = 3;

pub(super) struct Owners {
    state: Mutex<State>,
}

struct State {
    known: Arc<BTreeSet<Owner>>,
    /// Those this process writes as.
    own: BTreeSet<Owner>,
    read_at: Instant,
}

impl Owners {
    pub(super) async fn read(session: &Session, statements: &Statements) -> Result<Self> {
        let read_at = Instant::now();
        let known = Arc::new(all(session, statements).await?.into_iter().collect());
        Ok(Self { state: Mutex::new(State { known, own: BTreeSet::new(), read_at }) })
    }

    /// All owners, as they were some seconds ago.
    pub(super) async fn known(
        &self,
        session: &Session,
        statements: &Statements,
    ) -> Result<Arc<BTreeSet<Owner>>> {
        {
            let state = self.state.lock();
            if state.read_at.elapsed() <= REFRESH_EVERY * REFRESHES_MISSED_MAX {
                return Ok(state.known.clone());
            }
        }
        self.refresh(session, statements).await?;
        Ok(self.state.lock().known.clone())
    }

    pub(super) async fn refresh(&self, session: &Session, statements: &Statements) -> Result<()> {
        let read_at = Instant::now();
        let mut known: BTreeSet<Owner> = all(session, statements).await?.into_iter().collect();
        let mut state = self.state.lock();
        known.extend(state.own.iter().cloned());
        state.known = Arc::new(known);
        state.read_at = read_at;
        Ok(())
    }

    /// True for an owner that this process writes as: conditional writes of its rows are decided here.
    pub(super) fn is_own(&self, owner: &Owner) -> bool {
        self.state.lock().own.contains(owner)
    }

    /// Registers an owner that is written as for the first time: rows of an unknown owner would be read by nobody.
    pub(super) async fn ensure(
        &self,
        owner: &Owner,
        session: &Session,
        statements: &Statements,
    ) -> Result<()> {
        if self.is_own(owner) {
            return Ok(());
        }
        self.register(owner, session, statements).await.map_err(error::before_write)
    }

    pub(super) async fn register(
        &self,
        owner: &Owner,
        session: &Session,
        statements: &Statements,
    ) -> Result<()> {
        {
            let state = self.state.lock();
            if !state.known.contains(owner) && state.known.len() >= OWNERS_MAX {
                let why = format!(
                    "there are {OWNERS_MAX} owners already: fold and forget those of old incarnations"
                );
                return Err(StoreError::Unavailable(why.into()));
            }
        }
        statement::blind(session, &statements.register, (owner.as_str(),)).await?;
        let mut state = self.state.lock();
        Arc::make_mut(&mut state.known).insert(owner.clone());
        state.own.insert(owner.clone());
        Ok(())
    }
}

/// The list as it is stored.
pub(super) async fn all(session: &Session, statements: &Statements) -> Result<Vec<Owner>> {
    let rows = statement::rows::<(String,)>(session, &statements.owners, ()).await?;
    Ok(rows.iter().map(|(owner,)| Owner::from_stored(owner)).collect())
}
