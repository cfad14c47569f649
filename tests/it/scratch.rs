use bgsession_conformance::{World, play, rules, scenario::scenarios, contract::Policy};
use bgsession_tests::mutants::all;
#[test]
fn rates() {
    let Ok(n) = std::env::var("N") else { return };
    let n: u64 = n.parse().unwrap();
    for m in all() {
        if std::env::var("ONLY").is_ok_and(|o| !m.name.contains(&o)) { continue }
        for o in m.owners {
            let rule = rules::find(o).unwrap();
            let s = scenarios(rule.focus);
            let mut c = 0;
            for seed in 0..n { let h = play(&m.subject(), World::Sim, &s.generate(seed)).unwrap(); c += u32::from(rule.judge(&h, &Policy::default()).violation.is_some()); }
            println!("RATE {:>6.2}% {} {o}", f64::from(c) * 100.0 / n as f64, m.name);
        }
    }
}
