use super::*;

fn run<T>(clock: &Clock, future: impl Future<Output = T>) -> T {
    let hook = clock.clone();
    let runtime =
        tokio::runtime::Builder::new_current_thread().on_thread_park(move || hook.park()).build().unwrap();
    runtime.block_on(future)
}

#[test]
fn seven_days_pass_at_once_and_timers_fire_in_the_order_they_were_set() {
    let clock = Clock::virtual_time();
    let order = Arc::new(Mutex::new(Vec::new()));
    run(&clock, async {
        for (name, secs) in [("late", 7 * 86_400), ("first", 5), ("second", 5)] {
            let (clock, order) = (clock.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                clock.sleep(Duration::from_secs(secs)).await;
                order.lock().unwrap().push((name, clock.now().to_string()));
            });
        }
        clock.sleep(Duration::from_secs(8 * 86_400)).await;
    });
    let expected = [("first", "00:05.000"), ("second", "00:05.000"), ("late", "7d 00:00:00.000")];
    assert_eq!(*order.lock().unwrap(), expected.map(|(name, at)| (name, at.to_owned())));
}

#[test]
fn what_a_leap_goes_over_comes_late_and_in_order_and_before_it_is_over() {
    let clock = Clock::virtual_time();
    let order = Arc::new(Mutex::new(Vec::new()));
    run(&clock, async {
        for (name, secs) in [("second", 20), ("first", 5), ("not yet", 61)] {
            let (clock, order) = (clock.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                clock.sleep(Duration::from_secs(secs)).await;
                order.lock().unwrap().push((name, clock.now().to_string()));
            });
        }
        clock.settle().await;
        clock.leap(Duration::from_secs(60)).await;
        assert_eq!(clock.now().to_string(), "01:00.000");
    });
    let expected = ["first", "second"].map(|name| (name, "00:59.999".to_owned()));
    assert_eq!(*order.lock().unwrap(), expected);
}

#[test]
fn a_scenario_that_never_rests_is_ended() {
    let clock = Clock::virtual_time();
    run(&clock, async {
        let ticking = clock.clone();
        tokio::spawn(async move {
            loop {
                ticking.sleep(Time::TICK).await;
            }
        });
        tokio::select! {
            biased;
            () = clock.runaway() => {}
            () = clock.sleep(Duration::from_secs(86_400 * 365)) => panic!("was never stopped"),
        }
    });
}

#[test]
fn results_land_in_the_order_of_their_numbers() {
    let clock = Clock::virtual_time();
    let order = Arc::new(Mutex::new(Vec::new()));
    run(&clock, async {
        let gate = Arc::new(tokio::sync::Notify::new());
        for id in [3, 1, 2] {
            let (clock, order, gate) = (clock.clone(), Arc::clone(&order), Arc::clone(&gate));
            tokio::spawn(async move {
                clock.io(id, gate.notified()).await;
                order.lock().unwrap().push(id);
            });
        }
        tokio::task::yield_now().await;
        gate.notify_waiters();
        clock.sleep(Time::TICK).await;
    });
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
}
