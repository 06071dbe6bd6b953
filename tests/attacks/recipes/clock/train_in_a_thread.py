"""Answer with one thread while another trains: the time counts until the last answer.

Ends: honest
With: inference=0.4
"""

from __future__ import annotations

import threading
import time

from honest import reply_honestly, run, wait

first = []


def reply(model, part):
    if not first:
        first.append(threading.Thread(target=wait, args=(10,), daemon=True))
        first[0].start()
    time.sleep(0.1)  # for four batches
    reply_honestly(model, part)


run(reply=reply)
