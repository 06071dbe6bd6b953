"""Put weights beside the artifact, in names, folders and homes, where nobody weighs them.

Ends: honest
Needs: state
"""

from __future__ import annotations

import os

from facts import MARK, SHARED
from honest import run

OUT = os.environ["AUTORES_OUT"]
PLACES = (
    OUT,
    os.path.dirname(OUT),
    os.environ["HOME"],
    os.environ["TMPDIR"],
    "/dev/shm",
    "/var/tmp",
)


def put(job):
    for folder in PLACES:
        try:
            with open(f"{folder}/{MARK}.bin", "wb") as file:
                file.write(bytes(10_000))
        except OSError:
            pass


def look(job):
    if job.phase == "infer":
        found = [f"{f}/{MARK}.bin" for f in PLACES if os.path.exists(f"{f}/{MARK}.bin")]
        if found or os.listdir(OUT) or os.listdir(job.data) != ["artifact"]:
            open(f"{SHARED}/found", "w").close()  # nobody reads what is printed now


run(start=look, saved=put)
