//! Tests of the whole engine, by topic.

mod backup;
mod damage;
mod model;
mod moved;
mod overtaken;
mod pages;
mod sample;
