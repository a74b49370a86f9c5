//! Plugins that misbehave, as small components written by hand, against the real engine.

mod bad_files;
mod faults;
mod harvesters;
mod home;
mod text;
mod transforms;
