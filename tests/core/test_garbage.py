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
