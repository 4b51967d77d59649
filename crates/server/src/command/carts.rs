//! `evercart export` and `evercart import`: all carts of a shop to a file, and the carts of a file into a shop.
//!
//! The file is made of [lines](crate::cart_lines) that are checked one by one, and as a whole by its last one.

pub(super) mod export;
mod file;
pub(super) mod import;

use super::progress::Progress;

/// The path of carts.
const CARTS: &str = "/v1/admin/carts";
