//! What an implementation is given to work with, and the only things it may use: clock, app, network, storage.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{AppState, Conditions, Interrupted, Policy, RefreshTask, TaskMint, Termination, Time, Transport};

/// The device's clock.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present moment. Never decreases.
    fn now(&self) -> Time;

    /// Waits until the clock shows `deadline` or later; [`Time::DISTANT_FUTURE`] waits for ever.
    async fn sleep_until(&self, deadline: Time);

    /// Keeps time from passing until the token is dropped. A real clock can not do that and gives an empty token, which
    /// is what the default does; a simulated one jumps as soon as no task of the device's has anything to do, and can
    /// not see the work of other threads. Whoever leaves work to a thread of their own takes a token with the work and
    /// drops it when the result has been handed back:
    ///
    /// ```
    /// use bgsession_reference::contract::Device;
    ///
    /// fn in_a_thread(device: &Device, work: impl FnOnce() + Send + 'static) {
    ///     let hold = device.clock.hold();
    ///     std::thread::spawn(move || {
    ///         work();
    ///         drop(hold);
    ///     });
    /// }
    /// ```
    fn hold(&self) -> Hold {
        Hold::default()
    }
}

/// While it lives, time stands still, where the clock can do that; see [`Clock::hold`].
#[derive(Default)]
#[must_use = "time goes on when it is dropped"]
pub struct Hold {
    _token: Option<Box<dyn Send + Sync>>,
}

impl Hold {
    /// A hold that ends when `token` is dropped.
    pub fn new(token: impl Send + Sync + 'static) -> Self {
        Self { _token: Some(Box::new(token)) }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold")
    }
}

/// The app's process, in the hands of the system.
#[async_trait]
pub trait AppProcess: Send + Sync {
    /// What the process is doing.
    fn state(&self) -> AppState;

    /// Makes the app run, if it does not run yet (resumes it, or launches it in the background), and hands it these
    /// tasks. Returns when its `handle` has *begun*; the app may still be inside it. A call that comes while another is
    /// under way waits its turn. An app that is suspended before its `handle` has begun gets on when it is resumed, and
    /// so does the call.
    ///
    /// # Errors
    ///
    /// [`Interrupted`] if the process ended before that. The tasks are lost with it. The change that ended it has been
    /// told to [`Scheduler::device_changed`](super::Scheduler::device_changed) by then: who passes changes on to a thread
    /// of its own must not look at this first.
    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted>;

    /// Stops executing the app's code. Nothing happens if it is not running, or in front. With a delivery under way it
    /// would be stranded: wait for that first.
    fn suspend(&self);

    /// Ends the process for using up its allowance.
    fn terminate(&self, how: Termination);

    /// The CPU time that this run of the process has used. It grows no faster than the clock, stands still while the
    /// process is suspended or gets no CPU time, and begins anew with each launch.
    ///
    /// Source: *Understanding the exception types in a crash report*: an app is ended for using too much of it.
    fn cpu_time(&self) -> Duration;
}

/// A file of the device's: a path relative to its storage folder, with `/` between the parts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct FilePath(String);

impl FilePath {
    /// The file at this relative path.
    #[must_use]
    pub fn new(relative: impl Into<String>) -> Self {
        Self(relative.into())
    }

    /// The relative path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The device's storage folder. Small synchronous operations; missing parent folders are made.
///
/// Errors are those of [`std::fs`]: [`io::ErrorKind::NotFound`] for a file that is not there.
pub trait Storage: Send + Sync {
    /// Makes an empty file, replacing one that is there.
    ///
    /// # Errors
    ///
    /// As described for the trait.
    fn create(&self, file: &FilePath) -> io::Result<()>;

    /// Adds bytes at the end of a file; makes it if it is not there.
    ///
    /// # Errors
    ///
    /// As described for the trait.
    fn append(&self, file: &FilePath, bytes: &[u8]) -> io::Result<()>;

    /// How many bytes a file has.
    ///
    /// # Errors
    ///
    /// As described for the trait.
    fn len(&self, file: &FilePath) -> io::Result<u64>;

    /// Up to `len` bytes from `offset`; fewer at the end of the file, none beyond it.
    ///
    /// # Errors
    ///
    /// As described for the trait.
    fn read(&self, file: &FilePath, offset: u64, len: usize) -> io::Result<Vec<u8>>;

    /// Moves a file, replacing one that is at `to`.
    ///
    /// # Errors
    ///
    /// As described for the trait.
    fn rename(&self, from: &FilePath, to: &FilePath) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// As described for the trait.
    fn remove(&self, file: &FilePath) -> io::Result<()>;
}

/// Runs tasks beside the caller. The kit ends them all with the scenario they belong to.
pub trait Spawn: Send + Sync {
    /// Starts a task on the caller's runtime.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>);
}

/// Everything an implementation gets. Clones share the same device.
///
/// The fields are public so that a part can be replaced by a decorator:
/// `Device { app: Arc::new(Logging(device.app.clone())), ..device }`.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "parts are replaced with struct update syntax")]
pub struct Device {
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// The app's process.
    pub app: Arc<dyn AppProcess>,
    /// Its network.
    pub network: Arc<dyn Transport>,
    /// Its storage folder.
    pub storage: Arc<dyn Storage>,
    /// Where tasks are started.
    pub tasks: Arc<dyn Spawn>,
    /// Where refresh tasks come from.
    pub mint: TaskMint,
    /// The numbers and the switches.
    pub policy: Arc<Policy>,
    /// The conditions at boot; changes come through `device_changed`.
    pub conditions: Conditions,
}

impl Device {
    /// Starts a task on the caller's runtime: short for `self.tasks.spawn(Box::pin(task))`.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(Box::pin(task));
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("now", &self.clock.now()).finish_non_exhaustive()
    }
}
