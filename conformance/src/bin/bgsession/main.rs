//! temp
use bgsession_conformance::*;
use bgsession_reference::{scheduler::ReferenceScheduler, service::ReferenceService};
fn main() {
    let subject = Subject::system("reference", |device| {
        let s = ReferenceScheduler::new(device.clone());
        (s.clone() as _, ReferenceService::new(device, s) as _)
    });
    let a: Vec<String> = std::env::args().collect();
    let cases = a.get(1).map_or(400, |c| c.parse().unwrap());
    let seed = a.get(2).map_or(1, |c| c.parse().unwrap());
    let worlds = if a.get(3).is_some() { vec![World::Sim, World::Http] } else { vec![World::Sim] };
    let report = run(&subject, &Options { cases_sim: cases, worlds, seed, ..Options::default() }).unwrap();
    println!("{report}");
}
