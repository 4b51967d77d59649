//! Tests of the whole engine, by topic.

mod at_hand;
mod backup;
mod damage;
mod model;
mod moved;
mod pages;
mod sample;
