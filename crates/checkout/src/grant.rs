//! A grant: rights to one SKU go from one owner to another.
//!
//! **K1**: the giver is debited first, so that a grant under way is unsellable and never double. The receiver counts
//! the giver's cumulative amount as it reads it: a grant that stopped half-way is completed by the next one, and one
//! that is repeated changes nothing.

use crate::{
    answer::Answer,
    effect::{Reply, Request},
    machine::{Desk, Driven, Next},
    planted::{self, Bug},
    records::Records,
    settings::{Clock, Settings},
    stock::{Rights, StockKey},
};
use cart::line::Sku;

/// Moves rights to one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    giver: StockKey,
    receiver: StockKey,
    quantity: u64,
    settings: Settings,
    desk: Desk,
    records: Records,
    stage: Stage,
    /// What is to have been given in all: fixed at the first look, so that a write whose outcome is unknown is not
    /// made twice.
    target: Option<u64>,
    /// What the receiver may count.
    given: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Debit,
    Credit,
    End,
}

impl Grant {
    /// A grant as planned; of no units it completes what was begun before.
    pub fn new(sku: &Sku, rights: Rights, settings: Settings) -> Self {
        let is_credit_first = planted::is_on(Bug::P16GrantCreditsBeforeDebit);
        Self {
            giver: StockKey::new(sku.clone(), rights.from),
            receiver: StockKey::new(sku.clone(), rights.to),
            quantity: rights.quantity,
            settings,
            desk: Desk::default(),
            records: Records::default(),
            stage: if is_credit_first { Stage::Credit } else { Stage::Debit },
            target: None,
            given: if is_credit_first { rights.quantity } else { 0 },
        }
    }

    fn advance(&mut self) -> Result<(), Request> {
        match self.stage {
            Stage::Debit => self.debit(),
            Stage::Credit => self.credit(),
            Stage::End => Ok(()),
        }
    }

    fn debit(&mut self) -> Result<(), Request> {
        let Some(stock) = self.records.stock(&self.giver)? else {
            self.stage = Stage::End;
            return Ok(());
        };
        let to = &self.receiver.owner;
        let target = *self.target.get_or_insert(stock.given_to(to) + self.quantity);
        let mut debited = stock.clone();
        if debited.give(to, target) {
            return Err(self.records.write_stock(&self.giver, debited));
        }
        self.given = stock.given_to(to);
        let is_last = planted::is_on(Bug::P16GrantCreditsBeforeDebit);
        self.stage = if is_last { Stage::End } else { Stage::Credit };
        Ok(())
    }

    fn credit(&mut self) -> Result<(), Request> {
        let mut credited = self.records.stock(&self.receiver)?.cloned().unwrap_or_default();
        if credited.receive(&self.giver.owner, self.given) {
            return Err(self.records.write_stock(&self.receiver, credited));
        }
        let is_first = planted::is_on(Bug::P16GrantCreditsBeforeDebit);
        self.stage = if is_first { Stage::Debit } else { Stage::End };
        Ok(())
    }
}

impl Driven for Grant {
    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn take(&mut self, request: Request, reply: Reply) {
        self.records.take(&request, &reply);
    }

    fn next(&mut self, _: Clock, _: &mut Vec<Answer>) -> Next {
        while self.stage != Stage::End && !self.records.gives_up(self.settings.attempts_max) {
            if let Err(request) = self.advance() {
                return Next::Ask(request);
            }
        }
        self.stage = Stage::End;
        Next::End
    }

    fn has_nothing_open(&self) -> bool {
        self.desk.has_ended()
    }
}
