"""Leave folders too deep to be removed by name, and closed ones.

Ends: honest, disk
"""

from __future__ import annotations

import os

from honest import run


def dig(job):
    os.chdir(os.environ["AUTORES_OUT"])
    for _ in range(1_100):
        os.mkdir("deep")
        os.chdir("deep")
    with open("file", "w"):
        pass
    os.chmod(".", 0)
    os.chdir("/")


run(saved=dig)
