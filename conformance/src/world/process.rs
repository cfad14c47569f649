//! The app's process as a subject sees it: what may be asked of it, and what it takes to be handed tasks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::app::App;
use crate::contract::{AppChange, AppProcess, AppState, Interrupted, LaunchCause, RefreshTask, Termination};
use crate::history::Event;

/// What the subject holds of the app.
pub(crate) struct Process(pub(crate) Arc<App>);

#[async_trait]
impl AppProcess for Process {
    fn state(&self) -> AppState {
        self.0.process()
    }

    async fn deliver(&self, tasks: Vec<RefreshTask>) -> Result<(), Interrupted> {
        let app = &self.0;
        let before = app.process();
        match before {
            AppState::NotRunning => {
                app.lock().new_run();
                app.change(AppChange::Launched);
            }
            AppState::Suspended => app.change(AppChange::Resumed),
            AppState::Background | AppState::Inactive | AppState::Active => {}
        }
        let life = app.life();
        let cold = before == AppState::NotRunning;
        let turn = life.interruptible(app.door.lock()).await?;
        if !before.is_running() {
            app.tell_soon();
            life.interruptible(async {
                if cold {
                    app.launch_guest(LaunchCause::Background);
                }
                if app.setup.early {
                    app.begin_early(&tasks);
                }
                app.sleep(app.setup.launch.duration()).await;
                if cold {
                    app.launched_in_background().await;
                }
            })
            .await?;
        }
        app.recorder.record(Event::HandleBegan { tasks: app.refs(&tasks, cold) });
        drop(turn);
        if app.is_guest() {
            app.handle_guest(tasks).await;
        } else if app.has_closures() {
            app.handle_with_closures(tasks).await;
        } else {
            app.handle(tasks);
        }
        app.awake();
        if life.has_ended() {
            // The app's own code has panicked: the system hears of that before it can go on.
            app.tell_first().await;
        }
        Ok(())
    }

    fn suspend(&self) {
        if self.0.process() == AppState::Background {
            self.0.change(AppChange::Suspended);
            self.0.tell_soon();
        }
    }

    fn terminate(&self, how: Termination) {
        if self.0.process() != AppState::NotRunning {
            self.0.end_run(AppChange::Terminated(how));
            self.0.tell_soon();
        }
    }

    fn cpu_time(&self) -> Duration {
        self.0.lock().cpu.used(self.0.clock.now())
    }
}
