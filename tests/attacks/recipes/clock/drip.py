"""Answer so slowly that each answer alone looks well.

Ends: inference time, stalled
With: wall.inference=0.5
"""

from __future__ import annotations

import time

from honest import reply_honestly, run


def reply(model, part):
    time.sleep(0.17)
    reply_honestly(model, part)


run(reply=reply)
