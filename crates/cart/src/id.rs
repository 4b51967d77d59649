//! The identity of carts and of subjects.
//!
//! A guest's cart has a random id. An account's is computed from the account, so that two first adds in two
//! tabs or two regions meet in one cart without asking anybody. One bit tells the two apart, because they end
//! differently and whoever ends them sees nothing but rows.

use crate::hash::Parts;
use std::fmt;

/// 128 bits that name a cart everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CartId(pub [u8; 16]);

/// The secret under which account carts are named. It never changes: another key is another shop.
#[derive(Clone)]
pub struct ShopKey(pub [u8; 32]);

/// What stored records call a subject: without the shop's key it says nothing of whom it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId(pub [u8; 16]);

/// The bit of the last byte that an account's cart has and a guest's has not. The last, because engines spread carts
/// by their first bytes.
const ACCOUNT_BIT: u8 = 1;

impl SubjectId {
    /// The id of a subject, as the identity provider names it.
    pub fn of(key: &ShopKey, subject: &str) -> Self {
        Self(Parts::keyed(&key.0, "subject").bytes(subject.as_bytes()).u128_bytes())
    }
}

impl CartId {
    /// A guest's cart, from random bits.
    pub fn guest(random: [u8; 16]) -> Self {
        Self(random).marked(false)
    }

    /// The cart `name` of an account.
    ///
    /// `generation` counts the erasures of the subject, so that one who was erased can shop again.
    pub fn account(key: &ShopKey, subject: &str, name: &str, generation: u32) -> Self {
        let id = Parts::keyed(&key.0, "account cart")
            .bytes(subject.as_bytes())
            .bytes(name.as_bytes())
            .number(u64::from(generation));
        Self(id.u128_bytes()).marked(true)
    }

    /// The guest cart that the undo of a merge gives back: the same wherever and however often it is undone.
    pub fn of_undo(account: CartId, guest: CartId) -> Self {
        Self(Parts::new("cart of an undo").bytes(&account.0).bytes(&guest.0).u128_bytes()).marked(false)
    }

    /// True of an account's cart, false of a guest's.
    pub fn is_account(self) -> bool {
        self.0[15] & ACCOUNT_BIT != 0
    }

    fn marked(mut self, is_account: bool) -> Self {
        self.0[15] = if is_account { self.0[15] | ACCOUNT_BIT } else { self.0[15] & !ACCOUNT_BIT };
        self
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

    #[test]
    fn accounts_and_guests_are_told_apart_by_the_id_alone() {
        let account = |number: u32| CartId::account(&ShopKey([1; 32]), "ann", "active", number);
        assert!((0..50).all(|number| account(number).is_account()));
        assert!((0..50).all(|number| !CartId::of_undo(account(number), CartId([9; 16])).is_account()));
        assert!((0..=255).all(|byte| !CartId::guest([byte; 16]).is_account()));
    }

    #[test]
    fn a_subject_has_one_id_in_each_shop() {
        let of = |key: u8, subject| SubjectId::of(&ShopKey([key; 32]), subject);
        assert_eq!(of(1, "ann"), of(1, "ann"));
        assert_ne!(of(1, "ann"), of(1, "bob"));
        assert_ne!(of(1, "ann"), of(2, "ann"));
    }
}
