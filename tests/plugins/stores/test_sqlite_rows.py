from __future__ import annotations

from autores.lineage.fold import Entry
from autores.plugins.stores.sqlite import rows
from autores.plugins.stores.sqlite.rows import Decoded, text_of
from autores.records import Trial
from autores.testing.stores import submission


def entry(number: int, detail: str = "") -> Entry:
    return Entry(trial=Trial(id=number, submission=submission(number), detail=detail))


def test_a_row_is_decoded_again_when_it_has_changed() -> None:
    decoded = Decoded()
    first = decoded.entry(1, 5, text_of(entry(1)))
    assert decoded.entry(1, 5, "not even read") is first
    assert decoded.entry(1, 6, text_of(entry(1, "later"))).trial.detail == "later"


def test_few_trials_are_kept_at_hand() -> None:
    decoded = Decoded()
    for number in range(rows._CACHED + 10):
        decoded.keep(1, entry(number))
    assert len(decoded._known) == rows._CACHED
    assert decoded.entry(9, 1, text_of(entry(9, "read"))).trial.detail == "read"
    assert decoded.entry(10 + rows._CACHED - 1, 1, "not read").trial.detail == ""
