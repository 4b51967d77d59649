//! Tests of the whole engine, by topic.

mod backup;
mod damage;
mod faulty;
mod model;
mod moved;
mod overtaken;
mod pages;
mod quarantine;
mod sample;
