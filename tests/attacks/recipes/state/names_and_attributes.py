"""Keep bytes in attributes and times of files that are there in every phase.

Ends: honest
Needs: host
"""

import os

from honest import run, through


def keep(job):
    paths = [os.environ[name] for name in ("AUTORES_CODE", "AUTORES_HARNESS", "AUTORES_DATA_DIR")]
    for path in (*paths, os.__file__):
        for what, call in (
            ("attributes", lambda p=path: os.setxattr(p, "user.weights", bytes(100))),
            (
                "times",
                lambda p=path: os.utime(p, ns=(os.stat(p).st_atime_ns, os.stat(p).st_mtime_ns)),
            ),
        ):
            try:
                call()
            except OSError:
                continue
            through(f"write {what} of a file that stays")
    out = f"{os.environ['AUTORES_OUT']}/x"
    with open(out, "w"):
        pass
    try:
        os.setxattr(out, "user.weights", bytes(16_000))
    except OSError:
        pass


run(prepare=keep)
