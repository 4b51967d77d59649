//! Stored form of what is remembered of a subject.

use super::{FormatError, open, seal, tables::read_many};
use crate::{subject::Subject, time::Timestamp};

/// Encodes the record of a subject.
pub fn encode_subject(subject: &Subject) -> Vec<u8> {
    seal(|writer| {
        writer.number(u64::from(subject.erasures));
        writer.number(subject.erased_at.0);
        writer.count(subject.names.len());
        for (name, said) in &subject.names {
            writer.text(name);
            writer.number(said.0);
        }
    })
}

/// Decodes what [`encode_subject`] wrote.
pub fn decode_subject(bytes: &[u8]) -> Result<Subject, FormatError> {
    open(bytes, |reader| {
        let erasures = reader.number_u32("erasures")?;
        let erased_at = Timestamp(reader.number("moment of the erasure")?);
        let names = read_many(reader, "names", |reader| {
            Ok((reader.text("name")?, Timestamp(reader.number("moment")?)))
        })?;
        Ok(Subject { names: names.into_iter().collect(), erasures, erased_at })
    })
}
