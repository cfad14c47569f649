//! An HTTP origin scripted as data.
//!
//! A [`Script`] says what lies at each path, how ranges and logins are handled and what happens to each request
//! in turn: a status, a redirect, a body cut after so many bytes, silence. An [`Origin`] plays it: a request and
//! a time go in, a [`Plan`] of steps comes out, and nothing else has a say.
//!
//! Three fronts carry plans out, and a client cannot tell them apart:
//!
//! - [`memory::Walk`] turns a plan into events, without sockets, for a caller with a clock of its own;
//! - [`TcpFront`] takes every step on a real socket, and waits as its [`Pace`] says;
//! - [`WiremockFront`] gives what a plain HTTP library can give.
//!
//! The JSON form of a script is described in the README.
//!
//! ```
//! use bgsession_mock_server::{Answer, Login, Origin, Request, Resource, Route, Scheme, Script};
//! use std::time::Duration;
//!
//! let script = Script::new().route(
//!     "/file",
//!     Route::new(Resource::new(1_000))
//!         .login(Login::new("ann", "pw").scheme(Scheme::basic("home")))
//!         .answer(Answer::status(503))
//!         .answer(Answer::serve()),
//! );
//! let origin = Origin::new(script)?;
//! let ask = |request: &Request| origin.answer(request, Duration::ZERO).status();
//!
//! let plain = Request::get("/file");
//! let ann = plain.clone().with_header("Authorization", "Basic YW5uOnB3");
//! assert_eq!(ask(&plain), Some(401));
//! assert_eq!(ask(&ann), Some(503));
//! assert_eq!(ask(&ann.clone().with_header("Range", "bytes=500-")), Some(206));
//! # Ok::<(), bgsession_mock_server::ScriptError>(())
//! ```

mod auth;
#[cfg(feature = "tls")]
pub mod authority;
pub mod body;
mod date;
mod digest;
#[cfg(feature = "wiremock")]
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

#[cfg(feature = "tls")]
pub use authority::{Authority, AuthorityError, Identity};
pub use body::Slice;
#[cfg(feature = "wiremock")]
pub use front_wiremock::WiremockFront;
pub use log::{Credentials, LogEntry, Refusal};
pub use origin::Origin;
pub use plan::{Framing, Head, Plan, Step};
pub use request::Request;
pub use responder::{RealTime, Responder};
pub use script::{
    Answer, Delivery, DigestAlgorithm, Fault, Greeting, Login, Ranges, Resource, RetryAfter, Route, Scheme,
    Script, ScriptError, Tls,
};
pub use wire::{Pace, RealPace, TcpFront};
