//! The command line of evercart.

fn main() {}
