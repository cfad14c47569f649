//! In place of `wire` when the kit is built without its feature `http`: there is no real HTTP.

use std::sync::Arc;

use bgsession_mock_server::Origin;

use super::Clock;
use super::network::Source;
use crate::contract::{HttpRequest, Response, TransportError};

/// Client and servers: there are none.
pub(crate) enum Wire {}

impl Wire {
    pub(crate) async fn start(_: Clock) -> std::io::Result<Arc<Self>> {
        Err(std::io::Error::other(
            "this build has no real HTTP: switch on the feature `http` of bgsession-conformance",
        ))
    }

    pub(crate) const fn speaks_tls() -> bool {
        false
    }

    pub(crate) async fn forget(&self) {
        match *self {}
    }

    pub(crate) async fn open(
        &self,
        _: &Clock,
        _: u32,
        _: &Origin,
        _: HttpRequest,
    ) -> Result<(Response, Source), TransportError> {
        match *self {}
    }
}

/// A body from nowhere.
pub(crate) enum WireBody {}

impl WireBody {
    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        match *self {}
    }
}
