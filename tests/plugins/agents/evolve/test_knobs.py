from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autores.plugins.agents.evolve.knobs import Knob, find_knobs, read_text
from autores.tasks.airbench.plugin import autores_task

SOURCE = b"""flip = "none"  # "none" | "random"
mode_of = "mean"
depth = 3
epochs = 1 / 9  # of all
cutout = 12  # 0 for none
seen = 0
bias = Linear(4, bias=False, dim=1, p=0.1)
for _ in stream:
    seen += 1
if mode_of == "max":
    pass
"""


def knobs(source: bytes = SOURCE) -> dict[str, Knob]:
    return {knob.gene.removeprefix("a.py::"): knob for knob in find_knobs("a.py", source)}


def test_knobs_are_what_can_be_tuned() -> None:
    found = knobs()
    assert [*found] == [
        "flip", "mode_of", "depth", "epochs", "cutout", "Linear(bias)", "Linear(p)",
    ]  # fmt: skip


def test_switches_that_mean_nothing_or_let_a_net_look_ahead_are_no_knobs() -> None:
    source = b"""
log_every = 10
y = attention(q, is_causal=True)
net = compile(net, dynamic=False)
ids = encode(text, add_special_tokens=False)
train(net, ranks=2)
"""
    assert not knobs(source)


def test_choices_come_from_comments_and_comparisons() -> None:
    found = knobs()
    assert found["flip"].choices == ("none", "random")
    assert found["mode_of"].choices == ("max", "mean")
    assert found["Linear(bias)"].choices == (False, True)


def test_numbers_with_a_meaning_each_are_choices() -> None:
    (knob,) = find_knobs("a.py", b"tta = 2  # 0: plain | 1: and mirrored | 2: and two shifts\n")
    assert knob.choices == (0, 1, 2) and knob.scale is None


def test_zero_is_allowed_where_the_program_says_what_it_means() -> None:
    found = knobs()
    assert found["cutout"].scale is not None and found["cutout"].scale.value(-4.0) <= 3
    assert found["cutout"].scale.lowest == 0
    assert found["depth"].scale is not None and found["depth"].scale.lowest == 1


def test_scales_stay_around_the_seed_recipes_value() -> None:
    (knob,) = find_knobs("a.py", b"lr = 0.4\n", {"a.py::lr": "0.1"})
    assert knob.coordinate(0.4) == pytest.approx(2.0)


def test_a_knob_of_another_type_than_its_origin_begins_anew() -> None:
    (knob,) = find_knobs("a.py", b"lr = 4\n", {"a.py::lr": "0.1"})
    assert knob.coordinate(4) == 0


def test_quotes_stay_as_they_are() -> None:
    (knob,) = find_knobs("a.py", b"kind = 'a'  # 'a' | 'b'\n")
    assert knob.turn(b"kind = 'a'  # 'a' | 'b'\n", "b") == b"kind = 'b'  # 'a' | 'b'\n"


@settings(deadline=None)
@given(st.data())
def test_airbench_knobs_turn_alone_and_read_back(data: st.DataObject) -> None:
    source = (Path(autores_task("micro").recipe.path) / "train.py").read_bytes()
    before = find_knobs("train.py", source)
    chosen = data.draw(st.sampled_from(before))
    if chosen.scale is None:
        value = data.draw(st.sampled_from(chosen.choices))
    else:
        value = chosen.scale.value(data.draw(st.floats(-4, 4)))
    after = chosen.turn(source, value)
    start, end = chosen.literal.start, chosen.literal.end
    assert after[:start] == source[:start]
    assert after[len(after) - (len(source) - end) :] == source[end:]
    for old, new in zip(before, find_knobs("train.py", after), strict=True):
        assert old.gene == new.gene
        assert new.literal.value == (value if old is chosen else old.literal.value)
        assert read_text(new.literal.text) == new.literal.value


def test_what_is_no_literal_is_not_read() -> None:
    assert read_text("lambda: 1") is None and read_text("1 +") is None
