"""Tell a byte of the questions by the exit code, and more by the last words.

Ends: exited
"""

from __future__ import annotations

import sys

from honest import run


def reply(model, part):
    print("LEAKED", part.array[0, 0], file=sys.stderr)
    sys.exit("LEAKED byte 123")


run(reply=reply)
