"""Writes the log of one wake, with nothing but `json`: as an app in any language could."""

import json

now = 1767225600000


def log(after, event, **fields):
    global now
    now += after
    print(json.dumps({"at": now, "event": event, **fields}))


log(0, "launched")
log(30, "foregrounded")
log(200, "session_opened", session="downloads")
for transfer in (1, 2):
    log(5, "transfer_created", session="downloads", transfer=transfer)
log(4000, "backgrounded")
log(60000, "handle_began", task=1, kind="url_session", session="downloads")
for transfer in (1, 2):
    log(10, "did_complete", session="downloads", transfer=transfer)
log(5, "did_finish_events", session="downloads")
log(1, "task_completed", task=1)
