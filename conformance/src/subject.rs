//! What is judged: an implementation of one role, or of all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::contract::{
    Action, ActionRunner, App, Device, Launch, Policy, Scheduler, Throttle, TransferService,
};

type BootScheduler = dyn Fn(Device) -> Arc<dyn Scheduler> + Send + Sync;
type BootService = dyn Fn(Device, Arc<dyn Scheduler>) -> Arc<dyn TransferService> + Send + Sync;
type MakeThrottle = dyn Fn(&Policy) -> Box<dyn Throttle> + Send + Sync;
type BootSystem = dyn Fn(Device) -> (Arc<dyn Scheduler>, Arc<dyn TransferService>) + Send + Sync;

/// Launches an app's process.
pub(crate) type LaunchApp = dyn Fn(Launch) -> Arc<dyn App> + Send + Sync;

/// Makes what runs an app's closures, in a launched process.
pub(crate) type LaunchRunner = dyn Fn(Launch, Vec<Action>) -> Arc<dyn ActionRunner> + Send + Sync;

/// The part of the system that a subject plays. The kit plays the app, and pairs the subject with the reference for
/// the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a rule names the roles it binds")]
pub enum Role {
    /// A throttle inside the reference's scheduler.
    Throttle,
    /// A scheduler.
    Scheduler,
    /// A transfer service and its sessions.
    Sessions,
    /// Scheduler and sessions together.
    System,
    /// The app's side.
    Delegate,
    /// What runs an app's closures.
    Actions,
}

#[derive(Clone)]
pub(crate) enum Boot {
    Throttle(Arc<MakeThrottle>),
    Scheduler(Arc<BootScheduler>),
    Sessions(Arc<BootService>),
    System(Arc<BootSystem>),
    Delegate(Arc<LaunchApp>),
    Actions(Arc<LaunchRunner>),
}

/// An implementation to be judged: how to boot it, and what it says of itself.
///
/// ```
/// use bgsession_conformance::Subject;
/// use bgsession_conformance::contract::{Admission, Charge, Throttle, Time};
///
/// struct Generous;
/// impl Throttle for Generous {
///     fn admit(&mut self, _: Charge, _: u32, _: Time) -> Admission {
///         Admission::Admitted
///     }
/// }
///
/// let subject = Subject::throttle("generous", |_policy| Box::new(Generous));
/// assert_eq!(subject.name(), "generous");
/// ```
#[derive(Clone)]
pub struct Subject {
    name: String,
    pub(crate) boot: Boot,
    pub(crate) policy: Arc<Policy>,
    pub(crate) tokio_time: bool,
    pub(crate) threads: bool,
    pub(crate) limits: Limits,
    pub(crate) known_failures: Vec<(String, String)>,
}

/// Something that not every implementation can do. All are taken for granted unless
/// [`Subject::without`] says otherwise: what needs them is not generated then, and rules about them do not apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Snapshots of the app.
    Snapshots,
    /// Uploads from files.
    Uploads,
    /// Data transfers in background sessions.
    DataTransfers,
    /// Sessions that are not background ones.
    InProcessSessions,
    /// TLS to servers that are not trusted, or that ask for a client certificate.
    Tls,
    /// Messages about progress.
    Progress,
    /// An end for apps that use too much CPU time.
    CpuTime,
    /// A force quit by the user that is another end of the process than a crash.
    ForceQuit,
    /// An app that works on its results after the callback that brought them.
    Work,
    /// An app that asks for something else in its wakes: a refresh, a snapshot, another transfer.
    FollowUps,
    /// An app whose delegate is asked: for logins, about delayed requests, about responses.
    Questions,
}

/// What a subject can not do, in numbers and with reasons.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// What it lacks, and why.
    pub(crate) without: BTreeMap<Capability, String>,
    /// How many transfers it can have outstanding.
    pub(crate) transfers: Option<usize>,
}

impl Limits {
    pub(crate) fn can(&self, capability: Capability) -> bool {
        !self.without.contains_key(&capability)
    }
}

impl Subject {
    fn new(name: impl Into<String>, boot: Boot) -> Self {
        Self {
            name: name.into(),
            boot,
            policy: Arc::new(Policy::default()),
            tokio_time: false,
            threads: false,
            limits: Limits::default(),
            known_failures: Vec::new(),
        }
    }

    /// A throttle; it is judged inside the reference's scheduler.
    pub fn throttle(
        name: impl Into<String>,
        make: impl Fn(&Policy) -> Box<dyn Throttle> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Boot::Throttle(Arc::new(make)))
    }

    /// A scheduler; the reference's sessions ask it for wakes.
    pub fn scheduler(
        name: impl Into<String>,
        boot: impl Fn(Device) -> Arc<dyn Scheduler> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Boot::Scheduler(Arc::new(boot)))
    }

    /// A transfer service; the reference's scheduler wakes the app for it.
    pub fn sessions(
        name: impl Into<String>,
        boot: impl Fn(Device, Arc<dyn Scheduler>) -> Arc<dyn TransferService> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Boot::Sessions(Arc::new(boot)))
    }

    /// Both together.
    pub fn system(
        name: impl Into<String>,
        boot: impl Fn(Device) -> (Arc<dyn Scheduler>, Arc<dyn TransferService>) + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Boot::System(Arc::new(boot)))
    }

    /// An app: its delegate, and how its process is launched. The reference's scheduler wakes it and the reference's
    /// sessions bring its messages; the user, the device and the servers are the kit's.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use bgsession_conformance::Subject;
    /// use bgsession_reference::app::EventsSignal;
    ///
    /// let subject = Subject::delegate("mine", |launch| Arc::new(EventsSignal::new(launch)));
    /// assert_eq!(subject.name(), "mine");
    /// ```
    pub fn delegate(
        name: impl Into<String>,
        launch: impl Fn(Launch) -> Arc<dyn App> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Boot::Delegate(Arc::new(launch)))
    }

    /// What runs an app's closures for its refresh tasks, in a process that has been launched. The app and its closures are the
    /// kit's, and so is the rest of the system.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use bgsession_conformance::Subject;
    /// use bgsession_reference::actions::Closures;
    ///
    /// let subject = Subject::actions("mine", |launch, actions| Arc::new(Closures::new(launch, actions)));
    /// assert_eq!(subject.name(), "mine");
    /// ```
    pub fn actions(
        name: impl Into<String>,
        launch: impl Fn(Launch, Vec<Action>) -> Arc<dyn ActionRunner> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Boot::Actions(Arc::new(launch)))
    }

    /// The numbers and switches that it is judged by, if not the documented defaults.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// It waits with `tokio::time` instead of the device's clock. It runs on tokio's paused clock then, and in `sim`
    /// only: that clock leaps ahead whenever a real socket is waited for.
    #[must_use]
    pub const fn on_tokio_time(mut self) -> Self {
        self.tokio_time = true;
        self
    }

    /// It works on threads of its own and does not say when. The kit can not see when they rest, so it gives them some
    /// real milliseconds before each jump of time, and plays fewer scenarios. On a busy machine that may not be enough: a
    /// verdict is less certain than that on a subject whose tasks all run on the device
    /// ([`Device::spawn`](crate::contract::Device)), or whose threads take a [`Hold`](crate::contract::Hold) with their
    /// work, and does not need this.
    #[must_use]
    pub const fn on_threads(mut self) -> Self {
        self.threads = true;
        self
    }

    /// It can not do this, for this reason: what needs it is not generated, and rules about it are not applicable.
    #[must_use]
    pub fn without(mut self, capability: Capability, reason: impl Into<String>) -> Self {
        self.limits.without.insert(capability, reason.into());
        self
    }

    /// It can have this many transfers outstanding: no scenario has more.
    #[must_use]
    pub const fn with_at_most_transfers(mut self, count: usize) -> Self {
        self.limits.transfers = Some(count);
        self
    }

    /// It is known to break a rule. The rule is judged all the same, and must fail: passing is an error that asks for
    /// this line to be deleted.
    #[must_use]
    pub fn known_failure(mut self, rule: impl Into<String>, reason: impl Into<String>) -> Self {
        self.known_failures.push((rule.into(), reason.into()));
        self
    }

    /// What it is called in reports.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The numbers and switches that it is judged by.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The part it plays.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self.boot {
            Boot::Throttle(_) => Role::Throttle,
            Boot::Scheduler(_) => Role::Scheduler,
            Boot::Sessions(_) => Role::Sessions,
            Boot::System(_) => Role::System,
            Boot::Delegate(_) => Role::Delegate,
            Boot::Actions(_) => Role::Actions,
        }
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("name", &self.name)
            .field("role", &self.role())
            .finish_non_exhaustive()
    }
}
