from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autores.config import Environment
from autores.errors import UserError
from autores.plugins.agents.anthropic.key import Key
from autores.plugins.agents.anthropic.settings import Settings


def test_one_specialist_may_differ() -> None:
    settings = Settings(specialist=("optim.model=a", "optim.turns=3", "arch.effort=low"))
    settings.check()
    assert (settings.of("optim").model, settings.of("optim").turns) == ("a", 3)
    assert settings.of("arch").effort == "low" and settings.of("arch").model == settings.model
    assert settings.of("reg") is settings
    assert settings.models == (settings.model, "a")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"effort": "huge"}, "unknown effort"),
        ({"thinking": "a lot"}, "say adaptive, off"),
        ({"thinking": "1023"}, "from 1024"),
        ({"thinking": "64000"}, "below max_tokens"),
        ({"cache": "2h"}, "say 5m or 1h"),
        ({"outage": "long"}, "not a duration"),
        ({"allowed_domains": ("a",), "blocked_domains": ("b",)}, "not both"),
        ({"specialist": ("optim",)}, "is not KEY.NAME=VALUE"),
        ({"specialist": ("optim.modle=x",)}, "unknown setting of a specialist"),
        ({"specialist": ("optim.turns=x",)}, "optim.turns=x"),
        ({"specialist": ("optim.effort=huge",)}, "unknown effort"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Settings(**wrong).check()


def test_a_key_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-file\n")
    environment = Environment(keys={"ANTHROPIC_API_KEY": "from-env"})
    assert Key.find("", environment).value == "from-env"
    assert Key.find(str(file), environment).value == "from-file"
    assert "from" not in repr(Key.find("", environment))


@pytest.mark.parametrize("content", ["", "two\nlines"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(UserError, match="holds that and nothing else"):
        Key.find(str(file), Environment())


def test_without_a_key_one_line_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="set ANTHROPIC_API_KEY"):
        Key.find("", Environment())
    with pytest.raises(UserError, match="no key can be read"):
        Key.find(str(tmp_path / "none"), Environment())
