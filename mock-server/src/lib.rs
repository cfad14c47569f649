//! An HTTP origin scripted as data.
//!
//! A [`Script`] says what lies at each path, how ranges and logins are handled and what happens to each request
//! in turn: a status, a redirect, a body cut after so many bytes, silence. An [`Origin`] plays it: a request and
//! a time go in, a [`Plan`] of steps comes out, and nothing else has a say.

mod auth;
pub mod body;
mod date;
mod digest;
pub mod front_wiremock;
pub mod log;
pub mod memory;
pub mod origin;
pub mod plan;
mod range;
pub mod request;
pub mod responder;
pub mod script;
mod serve;
pub mod wire;

pub use body::Slice;
pub use front_wiremock::WiremockFront;
pub use log::{Credentials, LogEntry, Refusal};
pub use origin::Origin;
pub use plan::{Framing, Head, Plan, Step};
pub use request::Request;
pub use responder::{RealTime, Responder};
pub use script::{
    Answer, Delivery, DigestAlgorithm, Fault, Login, Ranges, Resource, RetryAfter, Route, Scheme, Script,
    ScriptError,
};
pub use wire::{Pace, RealPace, TcpFront};
