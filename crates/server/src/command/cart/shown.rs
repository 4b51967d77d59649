//! A cart in words, from what the API says of it.

use crate::command::terminal::{Paint, amount, cut, grouped, one_line};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write};

/// Characters of the column of items.
const ITEM_CHARS: usize = 46;
/// Characters of an id where it stands in full elsewhere.
const ID_CHARS: usize = 9;
/// The width of a line of the table.
const WIDTH: usize = 8 + ITEM_CHARS + 2 * MONEY_CHARS;
const MONEY_CHARS: usize = 14;

/// The cart, with where each unit came from.
pub(super) fn cart(cart: &Value, provenance: &Value, paint: Paint) -> String {
    let mut out = String::new();
    let table = Table { cart, provenance, paint };
    // Writing to a text does not fail.
    table.write(&mut out).ok();
    out
}

struct Table<'a> {
    cart: &'a Value,
    provenance: &'a Value,
    paint: Paint,
}

impl Table<'_> {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Self { cart, paint, .. } = self;
        writeln!(out, "{}  {}", paint.strong(text(&cart["id"])), paint.quiet(&self.updated()))?;
        self.notices(out, "", cart)?;
        for (list, title) in [("lines", ""), ("saved", "Saved for later")] {
            let lines = cart[list].as_array().map(Vec::as_slice).unwrap_or_default();
            if lines.is_empty() {
                continue;
            }
            writeln!(out)?;
            if !title.is_empty() {
                writeln!(out, "{}", paint.strong(title))?;
            }
            let header = format!(
                "{:>6}  {:<ITEM_CHARS$}{:>MONEY_CHARS$}{:>MONEY_CHARS$}",
                "units", "item", "each", "total"
            );
            writeln!(out, "{}", paint.quiet(&header))?;
            lines.iter().try_for_each(|line| self.line(out, line))?;
        }
        writeln!(out)?;
        self.totals(out)?;
        self.fields(out)?;
        self.merged(out)
    }

    fn updated(&self) -> String {
        match self.cart["updated_at"].as_str() {
            Some(at) => format!("changed {}", moment(at)),
            None => "never used".to_owned(),
        }
    }

    fn line(&self, out: &mut String, line: &Value) -> std::fmt::Result {
        let sku = one_line(text(&line["sku"]));
        let title = one_line(text(&line["item"]["title"]));
        let title = if title.is_empty() { sku.clone() } else { title };
        let name = format!("{:<ITEM_CHARS$}", cut(&title, ITEM_CHARS));
        let (each, total) = (money(&line["unit_price"]), money(&line["total"]));
        let units = grouped(line["quantity"].as_u64().unwrap_or_default());
        writeln!(out, "{units:>6}  {}{each:>MONEY_CHARS$}{total:>MONEY_CHARS$}", self.paint.strong(&name))?;
        let mut about = Vec::new();
        if sku != title {
            about.push(sku);
        }
        about.extend(pairs(&line["options"]));
        about.extend(line["seller"].as_str().map(|seller| format!("sold by {}", one_line(seller))));
        self.note(out, &about.join(" · "))?;
        for told in self.provenance_of(line) {
            self.note(out, &told)?;
        }
        self.note(out, &pairs(&line["attributes"]).join(" · "))?;
        self.notices(out, "        ", line)
    }

    /// What is quiet below a line.
    fn note(&self, out: &mut String, told: &str) -> std::fmt::Result {
        if told.is_empty() { Ok(()) } else { writeln!(out, "        {}", self.paint.quiet(told)) }
    }

    fn notices(&self, out: &mut String, indent: &str, of: &Value) -> std::fmt::Result {
        for notice in of["notices"].as_array().into_iter().flatten() {
            writeln!(out, "{indent}{}", self.paint.warning(&self.notice(of, notice)))?;
        }
        Ok(())
    }

    /// A notice to the shopper, as support wants to know it.
    fn notice(&self, line: &Value, notice: &Value) -> String {
        let currency = text(&line["unit_price"]["currency"]);
        let price = |member: &str| amount(notice[member].as_i64().unwrap_or_default(), currency);
        match text(&notice["code"]) {
            "price_changed" => format!("! price was {} when put in, is {} now", price("was"), price("now")),
            "withdrawn" => "! not sold at the moment".to_owned(),
            "unpriced" => "! no price is known: not in the subtotal".to_owned(),
            "currency_mismatch" => {
                format!("! priced in {}: not in the subtotal", text(&notice["currency"]))
            }
            "out_of_stock" => "! sold out at the moment".to_owned(),
            "low_stock" => format!("! only {} are left", notice["available"]),
            "in_checkout" => "! in a checkout that is under way".to_owned(),
            "quantity_clamped" => format!("! only {} can be bought at once", notice["sellable"]),
            _ => format!("! {}", text(&notice["message"])),
        }
    }

    /// Where the units of a line came from, a sentence a source: the shopper's own first.
    fn provenance_of(&self, line: &Value) -> Vec<String> {
        let entries = self.provenance["entries"].as_array().into_iter().flatten();
        let entries = entries.filter(|entry| entry["line"] == line["id"]);
        let mut sources: BTreeMap<(bool, &str, bool), Source<'_>> = BTreeMap::new();
        for entry in entries {
            let origin = text(&entry["origin"]);
            let is_own = origin.is_empty() || origin == text(&self.cart["id"]);
            let source = sources.entry((!is_own, origin, !entry["group"].is_null())).or_default();
            source.add(entry);
        }
        sources
            .iter()
            .map(|((foreign, origin, raised), source)| {
                let who = if *foreign {
                    format!("as a guest ({})", cut(origin, ID_CHARS))
                } else {
                    "here".to_owned()
                };
                source.told(&who, *raised)
            })
            .collect()
    }

    fn totals(&self, out: &mut String) -> std::fmt::Result {
        let totals = &self.cart["totals"];
        let (units, lines) =
            (totals["quantity"].as_u64().unwrap_or_default(), totals["lines"].as_u64().unwrap_or_default());
        if units == 0 {
            return writeln!(out, "The cart is empty.");
        }
        let left = format!("{}, {}", counted(units, "unit"), counted(lines, "line"));
        let right = format!("{} {}", money(&totals["subtotal"]), text(&totals["subtotal"]["currency"]));
        let right_chars = WIDTH + 4 - left.chars().count() - 8;
        writeln!(out, "        {left}{}", self.paint.strong(&format!("{right:>right_chars$}")))
    }

    fn fields(&self, out: &mut String) -> std::fmt::Result {
        let Some(fields) = self.cart["fields"].as_object().filter(|fields| !fields.is_empty()) else {
            return Ok(());
        };
        writeln!(out, "\n{}", self.paint.strong("Fields"))?;
        let width = fields.keys().map(|name| name.chars().count()).max().unwrap_or_default().min(24);
        for (name, value) in fields {
            writeln!(
                out,
                "  {:<width$}  {}",
                self.paint.quiet(&format!("{:<width$}", one_line(name))),
                one_line(text(value))
            )?;
        }
        Ok(())
    }

    fn merged(&self, out: &mut String) -> std::fmt::Result {
        let merged = self.provenance["merged"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !merged.is_empty() {
            writeln!(out, "\n{}", self.paint.strong("Merged into it"))?;
        }
        for guest in merged {
            writeln!(out, "  {}  {}", text(&guest["id"]), self.paint.quiet(text(&guest["day"])))?;
        }
        match self.provenance["incomplete"].as_u64().unwrap_or_default() {
            0 => Ok(()),
            waiting => {
                writeln!(out, "\n{} not arrived whole from another region yet", counted(waiting, "entry"))
            }
        }
    }
}

/// Entries that came the same way.
#[derive(Default)]
struct Source<'a> {
    units: u64,
    /// Of them, units of wishes that were told before.
    again: u64,
    first: Option<&'a str>,
    last: Option<&'a str>,
}

impl<'a> Source<'a> {
    fn add(&mut self, entry: &'a Value) {
        let number = |member: &str| entry[member].as_u64().unwrap_or_default();
        self.units += number("counted");
        self.again += number("quantity") - number("counted");
        let at = entry["added_at"].as_str();
        self.first = [self.first, at].into_iter().flatten().min();
        self.last = self.last.max(at);
    }

    /// `2 added here, 2026-11-22 20:59`.
    fn told(&self, who: &str, raised: bool) -> String {
        let how = if raised { "raised" } else { "added" };
        let mut told = format!("{} {how} {who}", grouped(self.units));
        if self.again > 0 {
            write!(told, ", and told again ({} not counted twice)", grouped(self.again)).ok();
        }
        match (self.first.map(moment), self.last.map(moment)) {
            (Some(first), Some(last)) if first == last => told + ", " + &first,
            (Some(first), Some(last)) => format!("{told}, {first} to {last}"),
            _ => told,
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `2026-11-22 20:59:10`, as RFC 3339 has it in UTC.
fn moment(rfc3339: &str) -> String {
    let seconds = rfc3339.split(['.', 'Z']).next().unwrap_or_default();
    seconds.replace('T', " ") + " UTC"
}

fn money(money: &Value) -> String {
    match money["amount"].as_i64() {
        Some(minor) => amount(minor, text(&money["currency"])),
        None => "–".to_owned(),
    }
}

fn pairs(texts: &Value) -> Vec<String> {
    let texts = texts.as_object().into_iter().flatten();
    texts.map(|(name, value)| format!("{}: {}", one_line(name), one_line(text(value)))).collect()
}

fn counted(number: u64, one: &str) -> String {
    let many = match one.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{one}s"),
    };
    format!("{} {}", grouped(number), if number == 1 { one } else { &many })
}
