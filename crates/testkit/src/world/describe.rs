//! Operations in a line of a report.

use cart::{
    line::{LineKey, List},
    operation::Operation,
    seen::Seen,
};

pub(super) fn describe(operation: &Operation) -> String {
    match operation {
        Operation::Add(add) => format!("add {} {} to {:?}", add.line.sku(), add.quantity.get(), add.list),
        Operation::Set(set) => {
            let seen = view(&set.seen, Some(set.line.key()));
            format!("set {} to {} in {:?}, {seen}", set.line.sku(), set.to.get(), set.list)
        }
        Operation::Remove(remove) => {
            format!("remove from {:?}, {}", remove.list, view(&remove.seen, Some(remove.line)))
        }
        Operation::Clear(clear) => format!("clear {:?}, {}", clear.list, view(&clear.seen, None)),
        Operation::Move(moved) => {
            format!("move to {:?}, {}", moved.to, view(&moved.seen, Some(moved.line)))
        }
        Operation::AnnotateLine(note) => {
            format!("note {:?}, {}", note.attributes, view(&note.seen, Some(note.line)))
        }
        Operation::Replace(replace) => {
            let wanted = replace.lines.values();
            let wanted: Vec<_> =
                wanted.map(|line| format!("{} {}", line.line.sku(), line.to.get())).collect();
            format!("replace by {wanted:?}, {}", view(&replace.seen, None))
        }
        Operation::Expire(expire) => format!("expire, {}", view(&expire.seen, None)),
        Operation::Consume(consume) => format!("checkout of {:?}", consume.dots),
        other => format!("{other:?}"),
    }
}

/// A view of a line, or of all.
fn view(seen: &Seen, only: Option<LineKey>) -> String {
    let lines = seen.lines.iter().filter(|line| only.is_none_or(|only| line.key == only));
    let dots: Vec<String> = lines
        .flat_map(|line| &line.dots)
        .map(|seen| {
            let list = if seen.list == List::Cart { "" } else { " saved" };
            format!("{}.{}×{}{list}", seen.dot.writer.0, seen.dot.seq, seen.n)
        })
        .collect();
    format!("having seen [{}] at {}", dots.join(", "), seen.lamport)
}
