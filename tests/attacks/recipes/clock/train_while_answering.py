"""Hand in little and train when the first question is here: the time counts.

Ends: honest
With: inference=0.4
"""

from __future__ import annotations

from honest import reply_honestly, run, wait

studied = []


def reply(model, part):
    if not studied:
        studied.append(wait(0.4))
    reply_honestly(model, part)


run(reply=reply)
