"""Print what a terminal obeys: colours, titles, links, cursor, bells, overwriting.

Ends: honest
"""

from __future__ import annotations

import sys

import harness
from honest import run

EVIL = (
    "\x1b[2J\x1b[1;31mFAILED\x1b[0m\x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]52;c;cHduZWQ=\x07"
    "\rscore 1.0\x08\x08\x9b31m\u202ereversed\u2066\u200b\u2028\ufeff\U000e0041\x00\x7f\x85"
)


def show(data):
    sys.stdout.buffer.write(EVIL.encode("utf-8", "surrogatepass") + b"\xff\xfe\xc0\x80")
    harness.log(1, **{EVIL: 1.0, "a\nb\tc": 2.0})
    from honest import learn

    return learn(data)


run(train=show)
