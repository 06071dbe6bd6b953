from __future__ import annotations

import sys

import pytest

from autores.evaluator.sandbox.users import COUNT, FIRST, SpareUser

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are of Linux")


def test_no_two_have_the_same() -> None:
    users = [SpareUser.claim() for _ in range(3)]
    assert len({user.uid for user in users}) == 3
    assert all(FIRST <= user.uid < FIRST + COUNT for user in users)
    for user in users:
        user.release()


def test_what_is_given_back_is_free() -> None:
    first = SpareUser.claim()
    first.release()
    second = SpareUser.claim()
    second.release()
    assert second.uid == first.uid
