"""Open devices that the lease does not hold.

Ends: honest
Needs: held_out
"""

from __future__ import annotations

import glob

from honest import run, through


def look(job):
    for path in glob.glob("/dev/nvidia[0-9]*") + glob.glob("/dev/dri/*"):
        try:
            with open(path, "rb"):
                through("open a device that was not granted")
        except OSError:
            pass


run(prepare=look)
