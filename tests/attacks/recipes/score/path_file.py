"""Leave a .pth file and an edited package in the environment, to run in whoever starts next.

Ends: honest
Needs: host
"""

from __future__ import annotations

import os
import site
import sys

import numpy
from honest import makes, run, through, writes


def plant(job):
    folders = [*sys.path, *site.getsitepackages(), sys.prefix, sys.base_prefix]
    for folder in filter(os.path.isdir, folders):
        if folder != os.getcwd() and makes(folder, "x.pth"):
            through("leave a .pth file")
    for module in (numpy, os, site):
        if writes(module.__file__):
            through("edit a module")


run(prepare=plant)
