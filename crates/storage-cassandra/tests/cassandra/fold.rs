//! A cart that has been changed for long reads like a new one.
