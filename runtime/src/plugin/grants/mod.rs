//! What a plugin may reach: nothing but what the configuration names.

mod address;
mod authority;
mod denials;
mod environment;
mod http;
mod resolver;
mod tcp;

pub(super) use self::http::{HttpGate, HttpRefusal, Target};
pub(super) use authority::Host;
pub(super) use denials::Denials;
pub(super) use environment::Environment;
pub(super) use resolver::Resolver;
pub(super) use tcp::TcpGate;
