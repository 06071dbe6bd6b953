from __future__ import annotations

import gc

import pytest

from autores.garbage import uncollected


def test_nothing_is_collected_until_the_work_ends_however_it_ends() -> None:
    with pytest.raises(KeyError), uncollected():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()


def test_who_switched_it_off_keeps_it_off() -> None:
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_made_is_taken_for_old() -> None:
    with uncollected():
        made = [[] for _ in range(100)]
    young = {id(one) for one in gc.get_objects(generation=0)}
    assert young.isdisjoint(map(id, made))
