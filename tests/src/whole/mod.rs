//! Subjects that are wrong, or odd, as a whole.

mod idle;
mod limited;
mod rubbish;
mod rude;
mod threads;

pub use idle::{
    eager_scheduler, eager_sessions, idle_scheduler, idle_sessions, mute_sessions, timer_scheduler,
};
pub use limited::without_snapshots;
pub use rubbish::rubbish_sessions;
pub use rude::{hanging_scheduler, panicking_sessions, spinning_scheduler};
pub use threads::{Holds, threaded_scheduler, threaded_sessions};
