"""Keep bytes in attributes and times of files that are there in every phase.

Ends: honest
Needs: host
"""

from __future__ import annotations

import os

from honest import run, through

NAMES = ("AUTORES_CODE", "AUTORES_HARNESS", "AUTORES_DATA_DIR")


def keep(job):
    for path in (*map(os.environ.get, NAMES), os.__file__):
        before = os.stat(path)
        try:
            os.utime(path, ns=(before.st_atime_ns, 7))
            if os.stat(path).st_mtime_ns == 7:
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
                through("write times of a file that stays")
        except OSError:
            pass
        try:
            os.setxattr(path, "user.weights", bytes(100))
            os.removexattr(path, "user.weights")
            through("write attributes of a file that stays")
        except OSError:
            pass


run(prepare=keep)
