"""Tell a byte of the questions by memory, processor time and seconds.

Ends: honest
"""

from __future__ import annotations

import time

from honest import reply_honestly, run, wait

told = []


def reply(model, part):
    if not told:
        byte = int(abs(part.array[0, 0]) * 1e6) % 256
        told.append(bytearray(b"x" * ((16 << 20) + (byte << 18))))
        wait(0.001 * byte)
        time.sleep(0.001 * byte)
    reply_honestly(model, part)


run(reply=reply)
