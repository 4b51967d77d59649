//! Opening: the base as the last fold left it, and beside it in the table what is in quarantine, and what the journal has
//! above the watermark.
//!
//! Nothing is joined here. The changes wait in the table as they did before the end of the process, and join when a
//! reader or the first fold asks; so an open costs one pass over the journal.

use storage::error::BoxError;

use crate::change;
use crate::engine::Engine;

impl Engine {
    /// Takes in what is in quarantine, and then what the journal holds.
    pub(crate) fn replay(&self, recovered: journal::Recovered) -> Result<(), BoxError> {
        self.replay_quarantine()?;
        for batch in recovered {
            let batch = batch?;
            for record in batch.records() {
                self.take_in(batch.number(), record)?;
            }
        }
        Ok(())
    }

    /// Takes in a record of a batch that is durable.
    pub(crate) fn take_in(&self, batch: u64, record: &[u8]) -> Result<(), BoxError> {
        let (key, change) = change::decode(record)?;
        if self.quarantine.lock().get(&key).is_some_and(|through| batch <= *through) {
            // A fold was cut short before the journal forgot it.
            return Ok(());
        }
        self.order.change(&key, None, &change);
        self.table.lock(&key).with_or_new(&key, |entry| entry.push(batch, change));
        Ok(())
    }
}
