//! A buffer whose slices start at a multiple of [`ALIGN`] in memory, as direct writes want it.
//!
//! Made of a `Vec` that is longer than asked for: no `unsafe`, and an allocation is kept for the next batch.

use crate::frame::ALIGN;

#[derive(Debug, Default)]
pub(crate) struct AlignedBuffer {
    bytes: Vec<u8>,
}

impl AlignedBuffer {
    /// A slice of this many bytes; what is in it is left over from earlier use.
    pub(crate) fn slice(&mut self, length: usize) -> &mut [u8] {
        if self.bytes.len() < length + ALIGN {
            self.bytes.resize(length + ALIGN, 0);
        }
        let start = self.bytes.as_ptr().align_offset(ALIGN);
        // `align_offset` may answer `usize::MAX` by its contract, though it never does for bytes at run time. An
        // unaligned direct write fails with an error of the operating system, which fails the journal: that is
        // what happens then.
        let start = if start > ALIGN { 0 } else { start };
        &mut self.bytes[start..start + length]
    }
}
