//! What a socket front asks for its answers, and the thin edge to the machine's clock.

use crate::log::LogEntry;
use crate::origin::Origin;
use crate::plan::Plan;
use crate::request::Request;
use crate::script::{Script, ScriptError};
use std::fmt;
use std::time::Instant;

/// Gives each request its plan. The fronts call it once for a request, when its body has been read.
///
/// [`RealTime`] plays an [`Origin`] by the machine's clock. A test world with a clock of its own implements this
/// itself:
///
/// ```
/// use bgsession_mock_server::{Origin, Plan, Request, Responder};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
///
/// struct Virtual { origin: Origin, millis: AtomicU64 }
///
/// impl Responder for Virtual {
///     fn plan(&self, request: &Request) -> Plan {
///         self.origin.answer(request, Duration::from_millis(self.millis.load(Ordering::Relaxed)))
///     }
/// }
/// ```
pub trait Responder: Send + Sync {
    /// The plan for one request.
    fn plan(&self, request: &Request) -> Plan;
}

/// Plays an origin by the machine's clock.
pub struct RealTime {
    origin: Origin,
    started: Instant,
    sink: Option<Sink>,
}

/// Sees every entry of the log.
type Sink = Box<dyn Fn(&LogEntry) + Send + Sync>;

impl RealTime {
    /// Plays an origin whose time zero is now.
    #[expect(clippy::disallowed_methods, reason = "this type is the edge to the machine's clock")]
    pub fn new(origin: Origin) -> Self {
        Self { origin, started: Instant::now(), sink: None }
    }

    /// Plays a script whose time zero is now, by the machine's calendar too.
    ///
    /// # Errors
    /// What [`Script::validate`] finds.
    ///
    /// ```
    /// use bgsession_mock_server::{RealTime, Request, Responder, Script};
    ///
    /// let responder = RealTime::play(Script::new())?.with_log(|entry| eprintln!("{entry}"));
    /// assert_eq!(responder.plan(&Request::get("/")).status(), Some(404));
    /// # Ok::<(), bgsession_mock_server::ScriptError>(())
    /// ```
    #[expect(clippy::disallowed_methods, reason = "this type is the edge to the machine's clock")]
    pub fn play(script: Script) -> Result<Self, ScriptError> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Ok(Self::new(Origin::starting_at(script, now.map_or(0, |since| since.as_secs()))?))
    }

    /// The player that also shows `sink` every entry of the log as it is made.
    pub fn with_log(mut self, sink: impl Fn(&LogEntry) + Send + Sync + 'static) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// The origin that is played.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Responder for RealTime {
    fn plan(&self, request: &Request) -> Plan {
        let at = self.started.elapsed();
        match &self.sink {
            None => self.origin.answer(request, at),
            Some(sink) => {
                let (plan, entry) = self.origin.answer_and_log(request, at);
                sink(&entry);
                plan
            }
        }
    }
}

impl fmt::Debug for RealTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RealTime").field("origin", &self.origin).finish_non_exhaustive()
    }
}
