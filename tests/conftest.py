"""What tests share: the level of sandbox that some need, a place, plugins, a run of the toy."""

from __future__ import annotations

import importlib
import os
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from autores.config import Environment, gather
from autores.evaluator.sandbox import Level, SandboxUnavailable, choose
from autores.gatekeeper import DirectGates
from autores.manager import PluginManager
from autores.opening import begin, opened
from autores.run import Run
from autores.secret import RunSecret
from autores.testing import toy
from autores.testing.runs import SECRET, WORLD

REQUIRED = "REQUIRE_FULL_SANDBOX"
"""Set where the full sandbox must be exercised: tests that need it fail instead of skipping."""

pytest.register_assert_rewrite("autores.testing.executors", "autores.testing.stores")

# A verdict must not hang on the load of the machine or on the draw of the day. Other draws, and
# more of them: `pytest --hypothesis-profile=wide`.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "wide", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

Install = Callable[..., str]
OpenRun = Callable[..., AbstractAsyncContextManager[Run]]

TOY = {
    "task": "toy",
    "agent": "scripted",
    "executor": "inline",
    "policy": "strict",
    "reporter": "quiet",
    "store": "memory:",
    "name": "one",
    "seed": 1,
}
_numbers = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("full")]
    reason = _missing() if marked else ""
    if reason and os.environ.get(REQUIRED):
        raise pytest.UsageError(f"{REQUIRED} is set, and the full sandbox does not work: {reason}")
    for item in marked if reason else ():
        item.add_marker(pytest.mark.skip(reason=f"needs the full sandbox: {reason}"))


def _missing() -> str:
    """Why the full sandbox does not work here; empty if it does."""
    try:
        with choose(Level.FULL):
            return ""
    except SandboxUnavailable as error:
        return str(error)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a test: nobody's settings, and always the same world and seeds."""
    for name in [name for name in os.environ if name.startswith("AUTORES_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(RunSecret, "draw", lambda: SECRET)
    toy.keep_key(tmp_path / "cache" / "autores" / "data", WORLD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Write a module, and the `entry_points.txt` of a distribution that declares it."""
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(group: str, name: str, source: str, *, distribution: str = "fake") -> str:
        module = f"fake_plugin_{next(_numbers)}"
        (site / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        info = site / f"{distribution}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0")
        with (info / "entry_points.txt").open("a", encoding="utf-8") as points:
            points.write(f"[{group}]\n{name} = {module}\n")
        importlib.invalidate_caches()
        return module

    return install


@pytest.fixture
def open_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> OpenRun:
    """Open a run of the toy task in this process, gates and evaluations included."""
    monkeypatch.setattr("autores.opening.Gatekeeper", DirectGates)

    @asynccontextmanager
    async def open_run(plugins: PluginManager | None = None, **settings: Any) -> AsyncIterator[Run]:
        book = gather(file=None, environment=Environment.read(), options=TOY | settings)
        folder, loaded = begin(book, plugins or PluginManager())
        async with opened(folder, loaded) as found:
            yield found.run

    return open_run
