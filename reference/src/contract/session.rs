//! Background sessions and their transfers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Connection, DeviceChange, FilePath, Method, Response, SessionError, SessionId, Time, TransferError,
    TransferId,
};

/// Whose transfers a session's are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SessionMode {
    /// The service's: they go on without the app.
    #[default]
    Background,
    /// The app's own: they stop while it is suspended and end with its process. Nothing of them wakes the app, and the next
    /// process finds nothing of them; the identifier only names the session in messages.
    InProcess,
}

/// How a session behaves. Copied when the session is opened: later changes to the value change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps build these with struct update syntax")]
pub struct Configuration {
    /// The session's identifier.
    pub identifier: SessionId,
    /// Is it a background session?
    pub mode: SessionMode,
    /// May the session wake the app (`sessionSendsLaunchEvents`)? If not, its messages wait until the app runs and
    /// opens the session.
    pub sends_launch_events: bool,
    /// May the system choose the moment? Transfers created in the background are treated so whatever this says.
    pub is_discretionary: bool,
    /// How long a transfer may go without a byte before the service tries again (`timeoutIntervalForRequest`).
    pub request_timeout: Duration,
    /// How long a transfer may take in all, retries included (`timeoutIntervalForResource`).
    pub resource_timeout: Duration,
    /// Simultaneous connections to one host; the system may use fewer.
    pub maximum_connections_per_host: u32,
    /// May the session use a cellular link?
    pub allows_cellular_access: bool,
}

impl Configuration {
    /// The documented defaults for a background session: it wakes the app, is not discretionary, 60 s, 7 days, 6
    /// connections, cellular allowed.
    #[must_use]
    pub fn background(identifier: SessionId) -> Self {
        Self {
            identifier,
            mode: SessionMode::Background,
            sends_launch_events: true,
            is_discretionary: false,
            request_timeout: Duration::from_secs(60),
            resource_timeout: Duration::from_secs(7 * 86_400),
            maximum_connections_per_host: 6,
            allows_cellular_access: true,
        }
    }

    /// The same for a session that is not a background one, as `URLSessionConfiguration.default` makes them: its
    /// transfers are the app's own. A service that has none refuses to open it with
    /// [`SessionError::Unsupported`].
    ///
    /// Source: `WKURLSessionRefreshBackgroundTask`: *Asynchronous uploads and downloads, on the other hand, suspend with
    /// your app.*
    #[must_use]
    pub fn in_process(identifier: SessionId) -> Self {
        Self { mode: SessionMode::InProcess, sends_launch_events: false, ..Self::background(identifier) }
    }
}

/// What an app asks for. `Debug` leaves the headers out: they may carry credentials.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps build these")]
pub struct Request {
    /// The absolute `http` or `https` address.
    pub url: String,
    /// The method.
    pub method: Method,
    /// Header fields; names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// A plain `GET`.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), method: Method::Get, headers: Vec::new() }
    }

    /// A plain `POST`.
    #[must_use]
    pub fn post(url: impl Into<String>) -> Self {
        Self { url: url.into(), method: Method::Post, headers: Vec::new() }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({} header fields)", self.method.as_str(), self.url, self.headers.len())
    }
}

/// What can be said of a transfer before it is resumed for the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps build these with struct update syntax")]
pub struct TransferOptions {
    /// No network activity before this moment; reaching it only makes the transfer eligible.
    pub earliest_begin_date: Option<Time>,
    /// A text of the app's, given back with the transfer.
    pub description: Option<String>,
    /// The app's best guess of the bytes to send; advice only.
    pub expects_to_send: Option<u64>,
    /// The app's best guess of the bytes to receive; advice only.
    pub expects_to_receive: Option<u64>,
}

/// What a transfer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TransferKind {
    /// Into a file.
    Download,
    /// From a file.
    Upload,
    /// Into the app's memory, while it runs: a transfer that ends with the app unless it is turned into a download.
    Data,
}

/// Where a transfer is in its life (`URLSessionTask.State`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the platform's four states")]
pub enum TransferState {
    /// Not to be worked on: newborn, or suspended.
    Suspended,
    /// To be worked on.
    Running,
    /// Cancelled; its last message has not been delivered.
    Canceling,
    /// Its last message has been delivered.
    Completed,
}

/// One outstanding transfer, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "services build these")]
pub struct TransferInfo {
    /// Its number within the session.
    pub id: TransferId,
    /// What it does.
    pub kind: TransferKind,
    /// Where it is in its life.
    pub state: TransferState,
    /// What the app asked for.
    pub original_request: Request,
    /// The app's own text.
    pub description: Option<String>,
    /// Body bytes received so far.
    pub received: u64,
    /// Body bytes sent so far.
    pub sent: u64,
    /// The earliest begin date, if one was set.
    pub earliest_begin_date: Option<Time>,
}

/// Where a cancelled or failed download can go on. Opaque to the app: it may store the bytes and bring them back.
#[derive(Clone, PartialEq, Eq)]
pub struct ResumeData(Arc<[u8]>);

impl ResumeData {
    /// Wraps what a service wrote, or what an app kept.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// What to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for ResumeData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResumeData({} bytes)", self.0.len())
    }
}

/// What [`Delegate::did_complete`](super::Delegate::did_complete) says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "services build these")]
pub struct TransferEnd {
    /// The server's answer, if there was one. Its status may be an HTTP error: that is no transfer error.
    pub response: Option<Response>,
    /// `None` if the transfer ended well.
    pub error: Option<TransferError>,
}

/// One background session, as the app holds it. Found again by its identifier.
///
/// Every method returns promptly: none waits for the network or for a delegate method.
#[async_trait]
pub trait Session: Send + Sync {
    /// The identifier it was opened with.
    fn identifier(&self) -> &SessionId;

    /// Creates a download. It does nothing until [`Session::resume`].
    ///
    /// # Errors
    ///
    /// [`SessionError::Invalidated`], [`SessionError::UnsupportedUrl`], [`SessionError::Stopped`].
    async fn download(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError>;

    /// Creates a download that goes on where another stopped. Data that a service has given it takes once, at least while
    /// the process lives that it gave them to.
    ///
    /// # Errors
    ///
    /// As [`Session::download`], and [`SessionError::BadResumeData`].
    async fn download_resuming(
        &self,
        data: ResumeData,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError>;

    /// Creates an upload of a file; there is no other kind in a background session.
    ///
    /// # Errors
    ///
    /// As [`Session::download`], and [`SessionError::NoSuchFile`].
    async fn upload(
        &self,
        request: Request,
        file: &FilePath,
        options: TransferOptions,
    ) -> Result<TransferId, SessionError>;

    /// Creates a data transfer, whose body the running app is given piece by piece
    /// ([`Delegate::did_receive_data`](super::Delegate::did_receive_data)). In a background session it can not outlive the
    /// app's time: if the app is suspended, or its process ends, it fails with
    /// [`TransferError::Disconnected`], unless the app has turned it into a download
    /// ([`ResponseDisposition::BecomeDownload`](super::ResponseDisposition::BecomeDownload)).
    ///
    /// A service that has no such transfers leaves this as it is.
    ///
    /// Source: `NSURLErrorBackgroundSessionWasDisconnected`;
    /// `urlSession(_:dataTask:didReceive:completionHandler:)`.
    ///
    /// # Errors
    ///
    /// As [`Session::download`], and [`SessionError::Unsupported`].
    async fn data(&self, request: Request, options: TransferOptions) -> Result<TransferId, SessionError> {
        let _ = (request, options);
        Err(SessionError::Unsupported { what: "data transfers" })
    }

    /// Takes back one [`Session::suspend`], or starts a newborn transfer. Without one to take back it does nothing.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoSuchTransfer`] if it is not outstanding.
    async fn resume(&self, transfer: TransferId) -> Result<(), SessionError>;

    /// Stops network traffic until as many resumes have come. Its request timeout stands still; its resource timeout,
    /// which bounds the whole transfer, does not.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoSuchTransfer`] if it is not outstanding.
    async fn suspend(&self, transfer: TransferId) -> Result<(), SessionError>;

    /// Cancels: no request follows, and the last message says so. A transfer that has ended already is not changed.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoSuchTransfer`] if it is not outstanding.
    async fn cancel(&self, transfer: TransferId) -> Result<(), SessionError>;

    /// Cancels a download and says where it could go on: `None` if it was no GET, or the server gave no validator or
    /// takes no ranges, or nothing has arrived.
    ///
    /// # Errors
    ///
    /// [`SessionError::NoSuchTransfer`] if it is not outstanding.
    async fn cancel_by_producing_resume_data(
        &self,
        transfer: TransferId,
    ) -> Result<Option<ResumeData>, SessionError>;

    /// The outstanding transfers, in the order of their numbers; ended ones are absent.
    ///
    /// # Errors
    ///
    /// [`SessionError::Stopped`].
    async fn transfers(&self) -> Result<Vec<TransferInfo>, SessionError>;

    /// Takes no new transfers, lets the present ones end, then sends `did_become_invalid`.
    async fn finish_tasks_and_invalidate(&self);

    /// Cancels everything, then sends `did_become_invalid`.
    async fn invalidate_and_cancel(&self);
}

/// Keeps the sessions of the app: the daemon that outlives it.
///
/// Transfers go on whether the app runs or not. Messages that the app can not receive are kept, in order, until it has
/// opened the session again, however late that is. A service outlives every process of the app's; like the scheduler, it
/// need not outlive the device's own restart.
#[async_trait]
pub trait TransferService: Send + Sync {
    /// Opens the session of this identifier: makes it, or finds the one that is there with all its transfers and
    /// waiting messages. `connection` replaces the one of a process that has ended; while another connection of a
    /// living process has the session, the one found keeps its first delegate. An in-process session is always a new one
    /// for a new process.
    ///
    /// Messages that are not part of a wake begin to arrive at once; those a wake is about, after its `handle` has
    /// begun.
    ///
    /// # Errors
    ///
    /// [`SessionError::Invalidated`] while the process that invalidated the session of this name has not heard its last
    /// message (a later one may be connected to what is left of that session, and hears the rest);
    /// [`SessionError::InUse`] while another living process has the session, which its connection's
    /// [`AppLife`](super::AppLife) tells; [`SessionError::Unsupported`] for a mode that this service does not have;
    /// [`SessionError::Stopped`].
    ///
    /// Source of the latter: `NSURLErrorBackgroundSessionInUseByAnotherProcess`.
    async fn session(
        &self,
        configuration: Configuration,
        connection: Connection,
    ) -> Result<Arc<dyn Session>, SessionError>;

    /// The app's process or the conditions have changed. Must not block.
    fn device_changed(&self, change: &DeviceChange);
}
