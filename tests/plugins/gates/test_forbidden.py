from __future__ import annotations

from collections.abc import Callable

import pytest

from autores.records import Violation

Judge = Callable[..., tuple[Violation, ...]]


def found_in(judge: Judge, source: str, **settings: object) -> list[str]:
    found = judge({"train.py": "import os\n"}, {"train.py": source}, **settings)
    assert all(violation.rule == "forbidden-name" for violation in found)
    return [violation.message for violation in found]


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess\n",
        "import http.client\n",
        "from urllib import request\n",
        "import os as o\no.system('x')\n",
        "from os import execv as run\n",
        "import os\nos.fork()\n",
        "eval('1')\n",
        "e = exec\n",
        "__import__('x')\n",
        "().__class__.__base__.__subclasses__()\n",
        "f.__globals__['x']\n",
        "import sys\nsys._getframe()\n",
        "open('/proc/self/maps')\n",
        "open(b'/proc/self/maps')\n",
        "path = f'{data}/held_out'\n",
        "import autores.records\n",
        "from builtins import eval as e\n",
    ],
)
def test_refused(judge: Judge, source: str) -> None:
    assert found_in(judge, source)


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ.setdefault('GOMP_SPINCOUNT', '1')\n",
        "import torch\nnet = torch.compile(net.eval())\n",
        "import re\nre.compile('x')\n",
        "def forward(input, code, http):\n    return input.code + http\n",
        "import math, time, io, sys\nsys.stdout.flush()\n",
        "from torch import nn\nfrom . import other\n",
    ],
)
def test_allowed(judge: Judge, source: str) -> None:
    assert found_in(judge, source) == []


def test_is_said_once_with_its_line(judge: Judge) -> None:
    source = "import os\nx = 1\nimport socket\nsocket.socket()\nimport socket\n"
    found = judge({"train.py": "import os\n"}, {"train.py": source})
    assert [v.line for v in found] == [3, 4]


def test_what_the_recipe_used_before_stays(judge: Judge) -> None:
    before = "import subprocess\nsubprocess.run(['nproc'])\n"
    assert judge({"train.py": before}, {"train.py": before + "x = 1\n"}) == ()


def test_users_add_and_allow_names(judge: Judge) -> None:
    assert found_in(judge, "import torch\ntorch.hub.load()\n", forbidden="torch.hub")
    assert found_in(judge, "import torch\ntorch.hub.load()\n", forbidden="torch.h*")
    assert found_in(judge, "import torch\ntorch.hubs.load()\n", forbidden="torch.hub") == []
    assert found_in(judge, "import socket\nsocket.socket()\n", allowed="socket") == []
