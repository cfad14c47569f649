//! Plans that no script makes: memory and socket agree on these too, so a responder of one's own is safe.

use crate::client::{self, Ending};
use crate::{Noted, in_memory};
use bgsession_mock_server::{Framing, Head, Plan, Request, Responder, Slice, Step, TcpFront};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::sync::Arc;
use std::time::Duration;

/// Gives the same plan every time.
pub(crate) struct Given(pub(crate) Plan);

impl Responder for Given {
    fn plan(&self, _request: &Request) -> Plan {
        self.0.clone()
    }
}

fn step() -> impl Strategy<Value = Step> {
    (0u8..16, 0u64..9).prop_map(|(kind, n)| match kind {
        0 => Step::Pause(Duration::from_millis(n)),
        1 => Step::Raw(b"no chunk\r\n".to_vec()),
        2 => Step::Stall,
        3 => Step::Close,
        4 => Step::Reset,
        5..9 => Step::Inline(vec![b'i'; usize::try_from(n).unwrap()]),
        9..12 => Step::Head,
        _ => Step::Body(Slice { seed: n, offset: n, len: n }),
    })
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let head = (0u8..8, 0u64..20).prop_map(|(kind, length)| {
        let (status, framing) = match kind {
            0 => return None,
            1 => (204, Framing::Bodyless(None)),
            2 | 3 => (200, Framing::Chunked),
            4 => (200, Framing::UntilClose),
            _ => (200, Framing::Length(length)),
        };
        Some(Head { status, headers: vec![("x-test".to_owned(), "y".to_owned())], framing })
    });
    let steps = (any::<bool>(), prop::collection::vec(step(), 0..6));
    (head, steps).prop_map(|(head, (head_first, mut steps))| {
        if head_first {
            steps.insert(0, Step::Head);
        }
        Plan { head, steps }
    })
}

#[test]
fn any_plan_looks_the_same_in_memory_and_on_a_socket() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config =
        Config { cases: 1_000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&plan(), |plan| {
        let (expected, _) = in_memory(plan.clone());
        let seen = runtime.block_on(async {
            // A new front for each plan: an old one may yet report a stall that its client did not wait for.
            let pace = Arc::new(Noted::default());
            let front = TcpFront::start(Arc::new(Given(plan)), pace.clone()).unwrap();
            client::ask(front.addr(), &Request::get("/"), &pace.silent).await
        });
        if expected.ending == Ending::Broken {
            // How much of what came before is passed on is up to the client.
            prop_assert_eq!(seen.ending, Ending::Broken);
        } else {
            prop_assert_eq!(seen, expected);
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
