//! A cart as the server shows it, sorted by whose tab put each line in.
//!
//! Only what is compared or sent back is read; unknown members are no error.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::record::{List, Shown};

/// The option that says which tab put a line in.
pub const TAB: &str = "tab";

#[derive(Debug, Deserialize)]
struct CartJson {
    lines: Vec<LineJson>,
    saved: Vec<LineJson>,
}

#[derive(Debug, Deserialize)]
struct LineJson {
    id: String,
    sku: String,
    options: BTreeMap<String, String>,
    quantity: u64,
    seen: String,
}

/// What is needed to change a line that is shown.
#[derive(Debug, Clone)]
pub struct Handle {
    /// The line's id.
    pub id: String,
    /// What the tab was shown of it.
    pub seen: String,
}

/// The lines of one tab.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Units of each.
    pub units: Shown,
    handles: BTreeMap<(String, bool), Handle>,
}

/// A whole cart, by tab.
#[derive(Debug, Clone, Default)]
pub struct Cart(BTreeMap<String, View>);

impl Cart {
    /// Reads the body of an answer.
    pub fn parse(body: &[u8]) -> Result<Self> {
        let cart: CartJson = serde_json::from_slice(body).context("the answer is not a cart")?;
        let mut views = BTreeMap::<String, View>::new();
        for (list, lines) in [(List::Cart, cart.lines), (List::Saved, cart.saved)] {
            for line in lines {
                let tab = line.options.get(TAB).cloned().unwrap_or_default();
                views.entry(tab).or_default().take(list, line);
            }
        }
        Ok(Self(views))
    }

    /// The lines of a tab; none where it has none.
    pub fn view(&self, tab: &str) -> View {
        self.0.get(tab).cloned().unwrap_or_default()
    }

    /// The tabs that have lines here.
    pub fn tabs(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl View {
    fn take(&mut self, list: List, line: LineJson) {
        let units = self.units.entry(line.sku.clone()).or_default();
        match list {
            List::Cart => units.cart += line.quantity,
            List::Saved => units.saved += line.quantity,
        }
        let handle = Handle { id: line.id, seen: line.seen };
        self.handles.insert((line.sku, list == List::Saved), handle);
    }

    /// What names a line in a list.
    pub fn handle(&self, sku: &str, list: List) -> Option<&Handle> {
        self.handles.get(&(sku.to_owned(), list == List::Saved))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Units;
    use super::*;

    #[test]
    fn lines_are_sorted_by_tab_and_list() {
        let line = |tab: &str, quantity: u64| serde_json::json!({"id": "l_1", "sku": "A", "options": {"tab": tab}, "quantity": quantity, "seen": "s"});
        let body = serde_json::json!({"lines": [line("0", 2), line("1", 3)], "saved": [line("1", 4)]});
        let cart = Cart::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(cart.view("0").units["A"], Units { cart: 2, saved: 0 });
        assert_eq!(cart.view("1").units["A"], Units { cart: 3, saved: 4 });
        assert!(cart.view("0").handle("A", List::Saved).is_none() && cart.view("2").units.is_empty());
        assert!(Cart::parse(b"{}").is_err());
    }
}
