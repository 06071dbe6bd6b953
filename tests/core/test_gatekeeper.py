from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from autores.config import SettingsBook, Value
from autores.errors import RunFailed, UserError
from autores.gatekeeper import DirectGates, Gatekeeper, Opening
from autores.loading import Loaded
from autores.manager import Group, PluginManager
from autores.records import Severity, Specialist, Submission, Violation
from autores.status import Cause
from autores.workspace.repository import CodeRepository

OPTIM = Specialist(key="optim", title="Optimizer", surfaces=("optimizer",))
SEED = b"degree = 4\nridge = 0.02\nrate = 0.05\nsteps = 60\n"
NAUGHTY = """
import os
import pathlib
import time
from dataclasses import dataclass, field

from autores import hookimpl
from autores.records import Severity, Violation

@dataclass(frozen=True, kw_only=True)
class Settings:
    word: str = field(default="polite", metadata={"help": "what is demanded"})

@hookimpl
def autores_legality(tree, settings):
    text = tree.read("fit.py").decode()
    mark = pathlib.Path(__file__).with_name("died")
    if "HANG" in text:
        time.sleep(600)
    if "DIE" in text and not ("ONCE" in text and mark.exists()):
        mark.touch()
        os._exit(7)
    if "RAISE" in text:
        raise RuntimeError("I am broken")
    if "PRINT" in text:
        print("x" * 100_000)
    if settings.of(Settings).word not in text and "WORD" in text:
        yield Violation(rule="word", message="no word.", fix="Say it.", severity=Severity.WARN)
"""


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A repository, and a run's plugins."""

    code: CodeRepository
    loaded: Loaded
    seed: str

    def submit(self, text: str) -> Submission:
        commit = self.code.commit({"fit.py": text.encode()}, [self.seed])
        return Submission(
            commit=commit, parents=(0,), hypothesis="", specialist="optim", session="s", call="1"
        )


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    plugins_dir = tmp_path / "plugins"
    plugins_dir.mkdir()
    (plugins_dir / "naughty.py").write_text(NAUGHTY)
    monkeypatch.syspath_prepend(plugins_dir)
    monkeypatch.delitem(sys.modules, "naughty", raising=False)
    code = CodeRepository.create(tmp_path / "code.git")
    seed = code.seed({"fit.py": SEED})
    yield Lab(code=code, loaded=_loaded(), seed=seed)
    assert code.fsck() == ""


def _loaded(**settings: str) -> Loaded:
    plugins = PluginManager()
    plugins.load(Group.ALWAYS, "gates")
    plugins.load_module("naughty")
    toy = plugins.load_module("autores.testing.toy")
    book = SettingsBook(
        {k.replace("_", "."): Value(value=v, source=k) for k, v in settings.items()}
    )
    for (group, name), module in plugins.loaded.items():
        if hasattr(module, "Settings"):
            book.add(module.Settings, group.section(name))
    return Loaded(
        plugins=plugins,
        settings=book,
        task=toy.autores_task(profile=""),
        module=toy.__name__,
        specialists={"optim": OPTIM},
    )


def ask(lab: Lab, *texts: str, limit: float = 30.0) -> list[tuple[Violation, ...]]:
    async def asked() -> list[tuple[Violation, ...]]:
        keeper = await Gatekeeper.start(lab.code.path, lab.loaded, limit=limit)
        try:
            return [await keeper.check(lab.submit(text), OPTIM) for text in texts]
        finally:
            await keeper.close()

    return asyncio.run(asked())


def seed_with(remark: str) -> str:
    return f"{SEED.decode()}# {remark}\n"


def test_the_gates_answer_from_the_repository(lab: Lab) -> None:
    fine = SEED.decode().replace("0.05", "0.5")
    foreign = SEED.decode().replace("degree = 4", "degree = 5")
    texts = (fine, "def f(:", foreign, fine)
    assert ask(lab, *texts) == ask_directly(lab, *texts)


def ask_directly(lab: Lab, *texts: str) -> list[tuple[Violation, ...]]:
    async def asked() -> list[tuple[Violation, ...]]:
        gates = await DirectGates.start(lab.code.path, lab.loaded)
        found = [await gates.check(lab.submit(text), OPTIM) for text in texts]
        await gates.close()
        return found

    return asyncio.run(asked())


def test_directly(lab: Lab) -> None:
    broken, foreign = ask_directly(
        lab, "def f(:", SEED.decode().replace("degree = 4", "degree = 5")
    )
    assert [v.rule for v in broken] == ["syntax"]
    assert [v.rule for v in foreign] == ["scope"]


def test_settings_reach_the_worker(lab: Lab) -> None:
    strict = Lab(
        code=lab.code, loaded=_loaded(gates_scope="warn", naughty_word="please"), seed=lab.seed
    )
    text = SEED.decode().replace("degree = 4", "degree = 5  # WORD polite")
    (found,) = ask(strict, text)
    assert {v.rule: v.severity for v in found} == {"scope": Severity.WARN, "word": Severity.WARN}


def test_settings_of_every_kind_can_be_sent(lab: Lab) -> None:
    odd = (Path("runs"), math.inf, date(2030, 1, 31), ("a", 1), Severity.WARN, None, True, 0.5)
    for number, value in enumerate(odd):
        lab.loaded.settings.values[f"odd.n{number}"] = Value(value=value, source="test")
    sent = Opening.of(lab.code.path, lab.loaded).settings
    told = [sent[f"odd.n{number}"] for number in range(len(odd))]
    assert told == ["runs", "inf", "2030-01-31", ["a", 1], "warn", None, True, 0.5]
    assert ask(lab, seed_with("well")) == [()]


def test_a_plugin_that_raises_is_our_failure_and_hides_nothing(lab: Lab) -> None:
    foreign = SEED.decode().replace("degree = 4", "degree = 5  # RAISE")
    ((scope, error),) = ask(lab, foreign)
    assert (scope.rule, error.rule, error.cause) == ("scope", "gates-error", Cause.HARNESS)
    assert "'naughty': RuntimeError: I am broken" in error.message


def test_a_plugin_may_print(lab: Lab) -> None:
    assert ask(lab, seed_with("PRINT"), seed_with("PRINT again")) == [(), ()]


def test_a_check_that_hangs_is_ended_and_the_next_one_is_answered(lab: Lab) -> None:
    async def asked() -> tuple[tuple[Violation, ...], tuple[Violation, ...]]:
        keeper = await Gatekeeper.start(lab.code.path, lab.loaded)
        patient = keeper._limit
        try:
            keeper._limit = 0.5  # for the check alone: a worker may take longer to start
            slow = await keeper.check(lab.submit(seed_with("HANG")), OPTIM)
            keeper._limit = patient
            return slow, await keeper.check(lab.submit(seed_with("well")), OPTIM)
        finally:
            await keeper.close()

    (slow,), nothing = asyncio.run(asked())
    assert (slow.rule, slow.cause) == ("gates-timeout", Cause.ILLEGAL)
    assert nothing == ()


def test_a_worker_that_dies_is_replaced(lab: Lab) -> None:
    assert ask(lab, seed_with("DIE ONCE")) == [()]


def test_a_commit_that_kills_twice_is_a_failure_of_ours(lab: Lab) -> None:
    (twice,), nothing = ask(lab, seed_with("DIE"), seed_with("well"))
    assert (twice.rule, twice.cause) == ("gates-error", Cause.HARNESS)
    assert nothing == ()


def test_an_unknown_commit_is_said(lab: Lab) -> None:
    async def asked() -> tuple[Violation, ...]:
        keeper = await Gatekeeper.start(lab.code.path, lab.loaded)
        submission = lab.submit(seed_with("x"))
        try:
            lost = type(submission)(
                commit="0" * 40, parents=(0,), hypothesis="", specialist="o", session="s", call="1"
            )
            return await keeper.check(lost, OPTIM)
        finally:
            await keeper.close()

    (found,) = asyncio.run(asked())
    assert found.cause is Cause.HARNESS


def test_a_cancelled_check_leaves_no_answer_for_the_next(lab: Lab) -> None:
    async def asked() -> tuple[Violation, ...]:
        keeper = await Gatekeeper.start(lab.code.path, lab.loaded)
        hanging = asyncio.create_task(keeper.check(lab.submit(seed_with("HANG")), OPTIM))
        await asyncio.sleep(0.3)
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        try:
            return await keeper.check(lab.submit("def f(:"), OPTIM)
        finally:
            await keeper.close()

    assert [v.rule for v in asyncio.run(asked())] == ["syntax"]


def test_closing_ends_a_check_and_starts_nothing(lab: Lab) -> None:
    async def asked() -> tuple[tuple[Violation, ...], int]:
        keeper = await Gatekeeper.start(lab.code.path, lab.loaded)
        assert keeper._worker is not None
        pid = keeper._worker.pid
        hanging = asyncio.create_task(keeper.check(lab.submit(seed_with("HANG")), OPTIM))
        await asyncio.sleep(0.3)
        await keeper.close()
        found = await hanging
        assert keeper._worker is None
        return found, pid

    (found,), pid = asyncio.run(asked())
    assert found.cause is Cause.HARNESS
    assert not _runs(pid)


def test_checks_wait_for_each_other(lab: Lab) -> None:
    async def asked() -> list[tuple[Violation, ...]]:
        keeper = await Gatekeeper.start(lab.code.path, lab.loaded)
        texts = [seed_with("fine"), "def f(:"] * 4
        found = await asyncio.gather(*(keeper.check(lab.submit(t), OPTIM) for t in texts))
        await keeper.close()
        return found

    assert [len(found) for found in asyncio.run(asked())] == [0, 1] * 4


def test_a_wrong_setting_is_the_user_s(lab: Lab) -> None:
    wrong = Lab(code=lab.code, loaded=_loaded(gates_scope="maybe"), seed=lab.seed)
    with pytest.raises(UserError, match=r"gates\.scope"):
        ask(wrong)


def test_a_worker_that_cannot_start_is_said(lab: Lab) -> None:
    with pytest.raises(RunFailed, match="not ready within"):
        ask(lab, limit=0.01)


def test_the_worker_dies_with_the_supervisor(lab: Lab, tmp_path: Path) -> None:
    """Even out of a check that never ends."""
    program = textwrap.dedent(
        f"""
        import asyncio, sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(tmp_path / "plugins")!r}]
        import test_gatekeeper as t
        from autores.gatekeeper import Gatekeeper
        from autores.workspace.repository import CodeRepository
        from pathlib import Path

        async def main():
            code = CodeRepository.open(Path({str(lab.code.path)!r}))
            lab = t.Lab(code=code, loaded=t._loaded(), seed={lab.seed!r})
            keeper = await Gatekeeper.start(code.path, lab.loaded)
            print(keeper._worker.pid, flush=True)
            await keeper.check(lab.submit(t.seed_with("HANG")), t.OPTIM)

        asyncio.run(main())
        """
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        worker = int(supervisor.stdout.readline())
        time.sleep(0.3)
        supervisor.send_signal(signal.SIGKILL)
    _wait_for(lambda: not _runs(worker))


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
