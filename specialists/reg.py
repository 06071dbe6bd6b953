"""What keeps training steady and the result general: averaging, decay, dropping, clipping."""

from __future__ import annotations

from collections.abc import Iterable

from pluggy import HookimplMarker

from autores.records import Specialist

hookimpl = HookimplMarker("autores")

SPECIALIST = Specialist(
    key="reg",
    title="Regularization",
    surfaces=("regularization",),
    preamble="""\
You work on what keeps training steady and its result general: averages of weights and
when they are taken, pulling back to a slow copy, dropping paths or features, clipping,
and how these change in the course of training.

Averaging acts like a lower rate at the end: where one is strong the other can be weak.
Ask first whether the present recipe over- or underfits in its time; with few passes over
the data, less regularisation is as likely to help as more. Batch statistics belong to
the state that is averaged.
""",
)


@hookimpl
def autores_specialists() -> Iterable[Specialist]:
    """This one."""
    return (SPECIALIST,)
