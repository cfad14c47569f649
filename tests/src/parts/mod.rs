//! Tools to make implementations with: the reference's parts, wrapped so that one thing can be changed.

mod alerts;
mod almost;
mod book;
mod delegates;
mod network;
mod relay;
mod sessions;
mod waiting;

pub(crate) use alerts::{Count, DAY, counting};
pub(crate) use almost::{
    Almost, AlmostDelegate, AlmostProcess, AlmostScheduler, AlmostService, AlmostSession,
};
pub(crate) use book::{Book, Entry, Notice};
pub(crate) use delegates::{with_delegate, with_delegate_and_service};
pub(crate) use network::over_network;
pub(crate) use relay::{Hands, Held, Relay, relayed, relayed_on};
pub(crate) use sessions::around_sessions;
pub(crate) use waiting::{Either, after, first, lock, step_back};
