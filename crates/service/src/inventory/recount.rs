//! After a restore: checkout is off, because orders and holds of the time since the backup are not known, until
//! somebody has counted.

use crate::{Service, error::ServiceError};
use bytes::Bytes;
use storage::{Inserted, LinearTable, RecordReplaced, StoreError};

/// Which life of the store was counted last.
const COUNTED: &[u8] = b"counted";
/// The life of a store that was never restored.
const FIRST: u32 = 1;

impl Service {
    /// Takes checkouts only where this life of the store was counted, or is the first.
    pub async fn check_counted(&self) -> Result<bool, StoreError> {
        self.look_for_tracking().await?;
        let record = self.stores.linear.read(LinearTable::Shop, COUNTED).await?;
        let counted = record.and_then(|record| Some(u32::from_be_bytes(record.bytes[..].try_into().ok()?)));
        // Equal, and not at most: lives are drawn, so a later one may have the lower number.
        let is_counted = self.checkout.incarnation == counted.unwrap_or(FIRST);
        self.checkout.turn(!is_counted);
        Ok(is_counted)
    }

    /// Somebody has counted: checkouts are taken again.
    pub async fn counted(&self) -> Result<(), ServiceError> {
        let bytes = Bytes::copy_from_slice(&self.checkout.incarnation.to_be_bytes());
        let linear = &self.stores.linear;
        let mut inserted = linear.insert_if_absent(LinearTable::Shop, COUNTED, bytes.clone(), None).await?;
        while let Inserted::Present(record) = inserted {
            let replaced =
                linear.replace(LinearTable::Shop, COUNTED, record.version, bytes.clone(), None).await?;
            match replaced {
                RecordReplaced::Applied(_) => break,
                RecordReplaced::Conflict(Some(newer)) => inserted = Inserted::Present(newer),
                RecordReplaced::Conflict(None) => {
                    inserted =
                        linear.insert_if_absent(LinearTable::Shop, COUNTED, bytes.clone(), None).await?;
                }
            }
        }
        self.checkout.turn(false);
        Ok(())
    }
}
