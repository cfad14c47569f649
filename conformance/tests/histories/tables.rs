// The tables of hand-written histories; the command shows examples from them too.
[
    include_str!("handling.txt"),
    include_str!("overlap.txt"),
    include_str!("keepalive.txt"),
    include_str!("expiration.txt"),
    include_str!("budget.txt"),
    include_str!("requests.txt"),
    include_str!("causes.txt"),
    include_str!("silent.txt"),
    include_str!("running.txt"),
    include_str!("transfers.txt"),
    include_str!("statuses.txt"),
    include_str!("kept.txt"),
    include_str!("order.txt"),
    include_str!("drains.txt"),
    include_str!("logins.txt"),
]
