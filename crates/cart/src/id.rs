//! The identity of carts.
//!
//! A guest's cart has a random id. An account's is computed from the account, so that two first adds in two
//! tabs or two regions meet in one cart without asking anybody.

use crate::hash::Parts;
use std::fmt;

/// 128 bits that name a cart everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CartId(pub [u8; 16]);

/// The secret under which account carts are named. It never changes: another key is another shop.
#[derive(Clone)]
pub struct ShopKey(pub [u8; 32]);

impl CartId {
    /// The cart `name` of an account.
    ///
    /// `generation` counts the erasures of the subject, so that one who was erased can shop again.
    pub fn account(key: &ShopKey, subject: &str, name: &str, generation: u32) -> Self {
        let id = Parts::keyed(&key.0, "account cart")
            .bytes(subject.as_bytes())
            .bytes(name.as_bytes())
            .number(u64::from(generation));
        Self(id.u128_bytes())
    }

    /// The guest cart that the undo of a merge gives back: the same wherever and however often it is undone.
    pub fn of_undo(account: CartId, guest: CartId) -> Self {
        Self(Parts::new("cart of an undo").bytes(&account.0).bytes(&guest.0).u128_bytes())
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.strip_prefix("c_")?.as_bytes()).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }
}

impl fmt::Display for CartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c_{}", data_encoding::BASE64URL_NOPAD.encode_display(&self.0))
    }
}

impl fmt::Debug for CartId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for ShopKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShopKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_written() {
        let id = CartId([0xab; 16]);
        assert_eq!(CartId::parse(&id.to_string()), Some(id));
        assert_eq!(CartId::parse("c_zz"), None);
        assert_eq!(CartId::parse("x_q6urq6urq6urq6urq6urqw"), None);
    }

    #[test]
    fn an_account_has_one_cart_for_each_name_and_generation() {
        let key = ShopKey([1; 32]);
        let id = CartId::account(&key, "ann", "active", 0);
        assert_eq!(id, CartId::account(&key, "ann", "active", 0));
        assert_ne!(id, CartId::account(&key, "ann", "active", 1));
        assert_ne!(id, CartId::account(&key, "ann", "wishlist", 0));
        assert_ne!(id, CartId::account(&ShopKey([2; 32]), "ann", "active", 0));
        assert_ne!(CartId::account(&key, "ab", "c", 0), CartId::account(&key, "a", "bc", 0));
    }
}
