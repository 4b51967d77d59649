//! Tests of the whole engine, by topic.

mod damage;
mod model;
mod moved;
mod sample;
