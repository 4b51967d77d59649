//! The payment hook: sets money aside under the key of an attempt, and gives it back.
//!
//! A status alone is never a no: only a body that says `declined` is. What says yes under a status that says no has
//! said nothing, and may have set money aside.

use super::{
    answer::{Answer, Failure},
    call::{Hook, Question},
};
use async_trait::async_trait;
use checkout::{TxId, effect::Payment};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::checkout::hooks::{Authorisation, Authorised, HookError, Payments};

/// Money, by a program of the shop.
pub(super) struct PaymentHook(pub(super) Hook);

#[derive(Serialize)]
#[serde(tag = "type")]
enum Asked {
    #[serde(rename = "payment.authorise")]
    Authorise { checkout: String, cart: String, total: Amount },
    #[serde(rename = "payment.void")]
    Void { checkout: String },
}

#[derive(Serialize)]
struct Amount {
    amount: i64,
    currency: String,
}

#[derive(Deserialize)]
struct Said {
    state: State,
    #[serde(default)]
    action: Option<Map<String, Value>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Authorised,
    Declined,
    RequiresAction,
}

#[async_trait]
impl Payments for PaymentHook {
    async fn authorise(&self, request: &Authorisation) -> Result<Authorised, HookError> {
        let checkout = request.tx.to_string();
        let total = Amount { amount: request.total.amount, currency: request.total.currency.to_string() };
        let asked = Asked::Authorise { checkout, cart: request.cart.to_string(), total };
        self.0.ask(&question("authorise", request.tx, &asked)?, authorised).await
    }

    async fn void(&self, tx: TxId) -> Result<(), HookError> {
        let asked = Asked::Void { checkout: tx.to_string() };
        self.0.ask(&question("void", tx, &asked)?, Answer::must_succeed).await
    }
}

/// The two questions of an attempt have an id each: receivers that drop what they have seen must not drop the void.
fn question(name: &'static str, tx: TxId, asked: &Asked) -> Result<Question, HookError> {
    let body = serde_json::to_vec(asked).map_err(|error| HookError::Unavailable(Box::new(error)))?;
    Ok(Question { name, id: format!("{name}_{tx}"), body: body.into() })
}

fn authorised(answer: &Answer) -> Result<Authorised, Failure> {
    if answer.status.is_client_error() {
        return match answer.parse::<Said>() {
            Ok(Said { state: State::Declined, .. }) => {
                Ok(Authorised { verdict: Payment::Declined, action: None })
            }
            Ok(_) => Err(Failure::Failed(answer.status)),
            Err(unreadable) => Err(answer.must_succeed().err().unwrap_or(unreadable)),
        };
    }
    let said: Said = answer.read()?;
    let verdict = match said.state {
        State::Authorised => Payment::Authorised,
        State::Declined => Payment::Declined,
        State::RequiresAction => Payment::RequiresAction,
    };
    let action = said.action.filter(|_| said.state == State::RequiresAction);
    Ok(Authorised { verdict, action: action.map(|action| Value::Object(action).to_string().into()) })
}
