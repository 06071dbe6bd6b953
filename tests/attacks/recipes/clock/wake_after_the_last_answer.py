"""Live on after the last answer, and be slow to hear the end.

Ends: honest
"""

from __future__ import annotations

import time

from honest import reply_honestly, run

count = []


def reply(model, part):
    reply_honestly(model, part)
    count.append(1)
    if len(count) == 4:
        time.sleep(30)


run(reply=reply)
