from __future__ import annotations

import os
from typing import TYPE_CHECKING

from autores.evaluator.sandbox.level import Level
from autores.evaluator.sandbox.none import Unconfined

if TYPE_CHECKING:
    from conftest import Lab


def test_it_contains_nobody_and_says_so(lab: Lab) -> None:
    (lab.folder / "secret").write_text("seen")
    source = "import sys, os; print(open(sys.argv[1]).read(), os.getuid(), os.getcwd())"
    with lab.open(Unconfined) as sandbox:
        text = lab.said(lab.run(sandbox, source, str(lab.folder / "secret")))
        assert sandbox.level is Level.NONE
    assert text == f"seen {os.getuid()} {lab.code}"
    assert "nothing is hidden" in Level.NONE.description


def test_it_has_a_session_of_its_own(lab: Lab) -> None:
    source = "import os; print(os.getsid(0) == os.getpid())"
    with lab.open(Unconfined) as sandbox:
        assert lab.said(lab.run(sandbox, source)) == "True"
