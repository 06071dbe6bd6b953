from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autores.records import Evaluation, Purpose
from autores.secret import BYTES, RunSecret

SECRET = RunSecret(b"s" * BYTES)
EVALUATION = Evaluation(trial=3, ordinal=1, purpose=Purpose.FIRST, commit="c", seeds=())


def test_each_run_draws_its_own() -> None:
    assert len(RunSecret.draw().value) == BYTES
    assert RunSecret.draw() != RunSecret.draw()


def test_a_secret_cannot_be_printed() -> None:
    assert "ssss" not in repr(SECRET) + str(SECRET)


def test_what_is_derived_comes_again() -> None:
    again = RunSecret(b"s" * BYTES)
    assert SECRET.derive("a", 1) == again.derive("a", 1)
    assert SECRET.seeds("first", "3.0", 4) == again.seeds("first", "3.0", 4)
    assert SECRET.derive("a") != RunSecret(b"t" * BYTES).derive("a")


def test_each_use_has_its_own_bytes() -> None:
    uses = [SECRET.derive(*labels) for labels in (("a",), ("a", 1), ("a", 2), ("b", 1))]
    assert len(set(uses)) == 4
    assert all(len(use) == 32 for use in uses)


def test_each_attempt_is_signed_with_its_own_key() -> None:
    others = [replace(EVALUATION, attempt=2), replace(EVALUATION, ordinal=2)]
    assert len({SECRET.key(e) for e in [EVALUATION, *others]}) == 3
    assert SECRET.key(EVALUATION) == SECRET.key(replace(EVALUATION, owner="another process"))


@given(st.sampled_from(Purpose), st.text(max_size=9), st.integers(0, 20))
def test_seeds_fit_every_generator(purpose: Purpose, subject: str, count: int) -> None:
    seeds = SECRET.seeds(purpose.value, subject, count)
    assert len(seeds) == count
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert SECRET.seeds(purpose.value, subject, count + 1)[:count] == seeds


def test_seeds_differ_between_looks_and_purposes() -> None:
    drawn = [SECRET.seeds(p.value, s, 5) for p in Purpose for s in ("3.0", "3.1", "pair 3.0")]
    assert len({seed for seeds in drawn for seed in seeds}) == 5 * len(drawn)
