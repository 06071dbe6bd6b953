"""The best n-gram mixtures under the cap of parameter_golf's cpu profile, against the seed recipe.

Bytes of orders 3 to 7, trained on all training text, pruned until tables and counts, entropy
coded, fit the cap; the shorter orders smooth the longer ones. `adaptive` also counts what has
been predicted so far, at once. Beside them stand general compressors; zstd and brotli where
`zstandard` and `brotli` are installed.
"""

from __future__ import annotations

import bz2
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from benchmarks.report import Report, Row
from numpy.typing import NDArray

from autores.tasks.parameter_golf import data
from autores.tasks.parameter_golf.profiles import PROFILES
from autores.tasks.text.pieces import read_model
from autores.tasks.text.shards import read_shards
from autores.tasks.text.tokenizer import Tokenizer

ORDERS = range(3, 8)
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Of the shorter contexts, in counts; the best for each order is taken."""
Bytes = NDArray[np.uint8]
Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]


def keys_of(text: Bytes, order: int) -> Keys:
    """For each position the last bytes as one number, that byte included: `order` of them."""
    padded = np.concatenate((np.zeros(order - 1, np.uint8), text)).astype(np.uint64)
    found = np.zeros(len(text), np.uint64)
    for place in range(order):
        found = (found << np.uint64(8)) | padded[place : place + len(text)]
    return found


@dataclass(frozen=True, slots=True)
class Table:
    """How often a context was followed by a byte."""

    keys: Keys
    counts: Floats

    @classmethod
    def of(cls, text: Bytes, order: int) -> Table:
        """From a text."""
        keys, counts = np.unique(keys_of(text, order), return_counts=True)
        return cls(keys, counts.astype(np.float64))

    def pruned(self, least: float) -> Table:
        """Without what is rare, and with counts rounded to half powers of two."""
        kept = self.counts >= least
        rounded = 2 ** (np.round(2 * np.log2(self.counts[kept])) / 2)
        return Table(self.keys[kept], rounded)

    def size(self) -> int:
        """Bytes: keys as differences, counts as half powers, both compressed."""
        steps = np.diff(self.keys, prepend=np.uint64(0))
        columns = steps.astype("<u8").view(np.uint8).reshape(-1, 8).T
        powers = np.round(2 * np.log2(self.counts)).astype(np.uint8)
        return len(lzma.compress(columns.tobytes() + powers.tobytes(), preset=6))

    def look_up(self, wanted: Keys) -> Floats:
        """The counts of these; 0 for what is not there."""
        if not len(self.keys):
            return np.zeros(len(wanted))
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where(self.keys[place] == wanted, self.counts[place], 0.0)

    def contexts(self) -> Table:
        """How often each context was followed by anything that is kept."""
        contexts, group = np.unique(self.keys >> np.uint64(8), return_inverse=True)
        return Table(contexts, np.bincount(group, self.counts, len(contexts)))


def earlier(keys: Keys) -> Floats:
    """For each position how often its key came before."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    starts = np.maximum.accumulate(np.where(first, np.arange(len(keys)), 0))
    found = np.empty(len(keys))
    found[order] = np.arange(len(keys)) - starts
    return found


def mixture(
    tables: Sequence[Table], text: Bytes, strengths: Sequence[float], adaptive: bool
) -> Floats:
    """The probability of each byte of a text; tables of orders 1, 2, 3 …"""
    chances = np.full(len(text), 1 / 256)
    for order, (table, strength) in enumerate(zip(tables, strengths, strict=True), 1):
        keys = keys_of(text, order)
        contexts = keys >> np.uint64(8)
        seen, total = table.look_up(keys), table.contexts().look_up(contexts)
        if adaptive:
            seen, total = seen + 8 * earlier(keys), total + 8 * earlier(contexts)
        chances = (seen + strength * chances) / (total + strength)
    return chances


def bits(chances: Floats) -> float:
    """Bits per byte."""
    return float(-np.log2(chances).mean())


def fit(text: Bytes, order: int, cap: int) -> tuple[list[Table], int]:
    """Tables up to an order, pruned alike until they fit the cap; and their bytes."""
    whole = [Table.of(text, n) for n in range(1, order + 1)]
    low, high = 1.0, 4_096.0
    best = [table.pruned(high) for table in whole]
    for _ in range(12):
        least = (low * high) ** 0.5
        tried = [table.pruned(least) for table in whole]
        if sum(table.size() for table in tried) <= cap:
            best, high = tried, least
        else:
            low = least
    return best, sum(table.size() for table in best)


def tuned(tables: Sequence[Table], text: Bytes, adaptive: bool) -> list[float]:
    """Strengths, one order after the other, on a text that is not the evaluation's."""
    strengths: list[float] = []
    for order in range(1, len(tables) + 1):
        scores = {
            s: bits(mixture(tables[:order], text, [*strengths, s], adaptive)) for s in STRENGTHS
        }
        strengths.append(min(scores, key=lambda s: scores[s]))
    return strengths


@dataclass(frozen=True, slots=True)
class Texts:
    """What there is to learn from, to tune on, and to predict."""

    train: Bytes
    tune: Bytes
    evaluation: Bytes

    @classmethod
    def of(cls, prepared: data.Prepared, profile: str) -> Texts:
        """The texts of a prepared world; the evaluation's are the lanes one after the other."""
        chosen = PROFILES[profile]
        model = (prepared.folder / data.TRAIN / data.MODEL).read_bytes()
        tokenizer = Tokenizer(read_model(model))
        shards = sorted((prepared.folder / data.TRAIN).glob("*.bin"))
        stream, _ = prepared.held_out("evaluation", chosen)
        tune, _ = prepared.held_out("certification", chosen)
        parts = (read_shards(shards), tune.targets.ravel(), stream.targets.ravel())
        train, tuning, evaluation = (_bytes(tokenizer.decode(part.tolist())) for part in parts)
        return cls(train, tuning, evaluation)


def _bytes(text: str) -> Bytes:
    return np.frombuffer(text.encode(), np.uint8)


def coders() -> Mapping[str, Callable[[bytes], int]]:
    """General compressors at their best, and how small they make something."""
    found: dict[str, Callable[[bytes], int]] = {
        "xz": lambda text: len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)),
        "bz2": lambda text: len(bz2.compress(text, 9)),
        "zlib": lambda text: len(zlib.compress(text, 9)),
    }
    if find_spec("zstandard"):
        zstd = import_module("zstandard").ZstdCompressor(level=22)
        found["zstd"] = lambda text: len(zstd.compress(text))
    if find_spec("brotli"):
        brotli = import_module("brotli")
        found["brotli"] = lambda text: len(brotli.compress(text, quality=11, lgwin=24))
    return found


def compressors(texts: Texts) -> dict[str, float]:
    """Bits per byte of the evaluation's text alone, and of what it adds to all training text.

    The latter have eight megabytes of text at hand where the cap allows a hundredth of that.
    """
    before, own = texts.train.tobytes(), texts.evaluation.tobytes()
    found = {}
    for name, size in coders().items():
        found[name] = 8 * size(own) / len(own)
        found[f"{name}, all training text at hand (no cap)"] = (
            8 * (size(before + own) - size(before)) / len(own)
        )
    return found


def results(texts: Texts, cap: int, orders: Iterable[int] = ORDERS) -> dict[str, float]:
    """Bits per byte of every mixture."""
    found = {}
    for order in orders:
        tables, _ = fit(texts.train, order, cap)
        for adaptive in (False, True):
            strengths = tuned(tables, texts.tune, adaptive)
            chances = mixture(tables, texts.evaluation, strengths, adaptive)
            found[f"order {order}, {'adaptive' if adaptive else 'static'}"] = bits(chances)
    return found


def run() -> Report:
    """Measure on the public test world's size, in a world of its own."""
    profile = PROFILES["cpu"]
    with tempfile.TemporaryDirectory() as folder:
        texts = Texts.of(data.prepare(profile, Path(folder)), "cpu")
    rows = [
        Row(name=f"n-grams, {name}", value=value, unit="bpb")
        for name, value in results(texts, profile.artifact_bytes).items()
    ]
    rows += [Row(name=name, value=value, unit="bpb") for name, value in compressors(texts).items()]
    return Report(
        title=f"n-gram mixtures within {profile.artifact_bytes:,} bytes",
        rows=rows,
        notes=["The seed recipe's bits per byte: `python -m benchmarks parameter_golf`."],
    )
