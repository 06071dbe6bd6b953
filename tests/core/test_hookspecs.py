from __future__ import annotations

import ast
import inspect
import re
import typing
from pathlib import Path
from types import FunctionType

import pytest

from autores import hookspecs
from autores.manager import PluginManager

TESTS = Path(__file__).parents[1]
HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("autores_")}

CALLED_IN = {
    "autores_task": "core/test_loading.py::test_what_a_run_uses_is_loaded_and_nothing_else",
    "autores_prepare": "core/test_loading.py::test_limits_world_and_knowledge",
    "autores_budget": "core/test_loading.py::test_limits_world_and_knowledge",
    "autores_legality": "core/test_gatekeeper.py::test_the_gates_answer_from_the_repository",
    "autores_evaluate": "core/test_laboratory.py::test_a_look_is_planned_run_verified_and_written",
    "autores_tools": "core/test_opening.py::test_what_plugins_bring_to_a_run",
    "autores_moves": "core/test_opening.py::test_what_plugins_bring_to_a_run",
    "autores_specialists": "core/test_loading.py::test_specialists_by_key_in_the_order_of_their_turns",
    "autores_store": "core/test_opening.py::test_a_run_begins",
    "autores_agent": "core/test_opening.py::test_a_run_begins",
    "autores_executor": "core/test_opening.py::test_a_run_begins",
    "autores_context": "core/test_session.py::test_what_a_session_is_told",
    "autores_next": "plugins/test_turns.py::test_the_hook_is_called",
    "autores_decide": "core/test_loop.py::test_a_policy_gets_the_looks_that_it_asks_for",
    "autores_conditions": "core/claims/test_verifying.py::test_the_task_has_its_own_terms",
    "autores_certification": (
        "core/claims/test_evidence.py::test_the_best_is_certified_once_on_what_was_held_back"
    ),
    "autores_watch": "core/test_scene.py::test_a_watcher_hears_what_happens_while_it_watches",
    "autores_event": "core/test_pump.py::test_every_event_is_handed_over_in_order",
}
"""Each hook to the test in which an implementation of it is called."""


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_has_a_test(name: str) -> None:
    file, _, test = CALLED_IN[name].partition("::")
    source = (TESTS / file).read_text(encoding="utf-8")
    assert f"def {test}(" in source


def test_no_test_is_listed_for_a_hook_that_is_gone() -> None:
    assert set(CALLED_IN) == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_a_specification(name: str) -> None:
    assert getattr(PluginManager().hook, name).spec is not None


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_every_argument_is_typed_and_documented(hook: FunctionType) -> None:
    arguments = inspect.signature(hook).parameters
    documented = re.findall(r"^    (\w+): ", section(hook, "Args"), re.MULTILINE)
    assert documented == list(arguments)
    assert all(p.annotation is not inspect.Parameter.empty for p in arguments.values())


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_every_hook_says_when_it_is_called_and_what_it_returns(hook: FunctionType) -> None:
    text = inspect.getdoc(hook) or ""
    assert text.split("\n")[0].endswith(".")
    assert "\nCalled " in text
    returned = inspect.signature(hook).return_annotation
    if returned == "None":
        assert section(hook, "Returns") == ""
    else:
        assert returned.endswith(" | None")
        assert section(hook, "Returns")


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_every_type_of_a_signature_can_be_imported(hook: FunctionType) -> None:
    names = dict(vars(hookspecs))
    tree = ast.parse(inspect.getsource(hookspecs))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module != "__future__":
            module = __import__(str(node.module), fromlist=["*"])
            names |= {a.name: getattr(module, a.name) for a in node.names}
    assert typing.get_type_hints(hook, names)


def section(hook: FunctionType, title: str) -> str:
    """What stands under a heading of a docstring."""
    text = inspect.getdoc(hook) or ""
    found = re.search(rf"^{title}:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
    return found[1] if found else ""
