"""The procedural world: ten kinds of small pictures, drawn from a secret key.

A class has one to three prototypes. A prototype is a silhouette (a circle bent by a few
Fourier harmonics), filled with an oriented texture and signed spots and tinted weakly. A
picture shows one prototype in a random pose, mirrored half the time, elastically warped,
over a smooth background with a patch of another class, partly occluded, under random
light and noise. Everything, the prototypes included, follows from the key, so knowing this
file does not tell anyone the answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASSES = 10
SIDE = 32
TEST_KEY = bytes(range(16))
"""A fixed public key, for tests alone."""

_CHUNK = 250
_HARMONICS = (1, 2, 3, 4, 5)
_SPOTS = 4

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """Pictures and their classes."""

    images: Bytes
    """N × 3 × 32 × 32."""
    labels: Bytes

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Images:
        return Images(images=self.images[rows], labels=self.labels[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Difficulty:
    """The dials of a world."""

    modes: int = 2
    """Prototypes per class."""
    noise: float = 0.07
    occlusion: float = 0.5
    """Chance of an occluder."""
    clutter: float = 0.6
    """Chance of a patch of another class."""
    turn: float = 0.35
    """Half-range of rotation in radians."""
    tint: float = 0.05
    """Standard deviation of the hue of a prototype."""
    warp: float = 0.10
    """Standard deviation of the elastic displacement, in half image widths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prototypes:
    """What the classes look like; the first axis of each array is the prototype."""

    radius: Floats
    bend: Floats
    """Amplitude of each harmonic of the outline."""
    phase: Floats
    frequency: Floats
    """Texture waves across half the image, and their direction: a vector."""
    contrast: Floats
    spots: Floats
    """Per spot: x, y, width, signed strength."""
    fill: Floats
    tint: Floats
    modes: int

    @property
    def count(self) -> int:
        """How many there are, over all classes."""
        return len(self.radius)


def world_id(key: bytes) -> str:
    """What a world is called in records: reveals nothing of its key."""
    return hashlib.blake2b(key, digest_size=6, person=b"airbench world").hexdigest()


def generate(key: bytes, part: str, count: int, difficulty: Difficulty) -> Images:
    """Draw `count` pictures of one part; parts of other names share no random number."""
    prototypes = draw_prototypes(stream(key, "prototypes"), difficulty)
    with ThreadPoolExecutor() as pool:  # numpy lets go of the lock in its loops
        chunks = list(
            pool.map(
                lambda job: _chunk(stream(key, f"{part}/{job[0]}"), job[1], prototypes, difficulty),
                _jobs(count),
            )
        )
    return Images(
        images=np.concatenate([c.images for c in chunks]),
        labels=np.concatenate([c.labels for c in chunks]),
    )


def stream(key: bytes, name: str) -> np.random.Generator:
    """A generator of its own for each name.

    The key goes through a keyed hash, so that one stream, fully known, tells nothing of
    another.
    """
    digest = hashlib.blake2b(name.encode(), key=key, digest_size=32).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def draw_prototypes(rng: np.random.Generator, dial: Difficulty) -> Prototypes:
    """What each class looks like in this world; prototype p belongs to class p // modes."""
    n = CLASSES * dial.modes
    angle, waves = rng.uniform(0, np.pi, n), rng.uniform(2.0, 6.0, n)
    spots = rng.uniform(-0.55, 0.55, (n, _SPOTS, 4))
    spots[..., 2] = rng.uniform(0.10, 0.22, (n, _SPOTS))
    spots[..., 3] = rng.choice([-1.0, 1.0], (n, _SPOTS)) * rng.uniform(0.3, 0.6, (n, _SPOTS))
    return Prototypes(
        radius=_f32(rng.uniform(0.50, 0.62, n)),
        bend=_f32(rng.normal(0, 0.16, (n, len(_HARMONICS)))),
        phase=_f32(rng.uniform(0, 2 * np.pi, (n, len(_HARMONICS)))),
        frequency=_f32(np.stack([waves * np.cos(angle), waves * np.sin(angle)], 1)),
        contrast=_f32(rng.uniform(0.12, 0.28, n)),
        spots=_f32(spots),
        fill=_f32(rng.uniform(0.35, 0.65, n)),
        tint=_f32(rng.normal(0, dial.tint, (n, 3))),
        modes=dial.modes,
    )


def _jobs(count: int) -> Iterator[tuple[int, int]]:
    for number, start in enumerate(range(0, count, _CHUNK)):
        yield number, min(_CHUNK, count - start)


def _chunk(rng: np.random.Generator, n: int, protos: Prototypes, dial: Difficulty) -> Images:
    labels = rng.integers(0, CLASSES, n)
    which = labels * protos.modes + rng.integers(0, protos.modes, n)
    x, y = _poses(rng, n, dial, spread=0.18, scale=(0.75, 1.15))
    picture = _background(rng, n)
    if dial.clutter:
        _add_clutter(picture, rng, labels, protos, dial)
    shape, shade = _render(protos, which, x, y)
    _paint(picture, shape, shade, protos.tint[which])
    _occlude(picture, rng, dial.occlusion)
    return Images(images=_expose(picture, rng, dial.noise), labels=labels.astype(np.uint8))


def _poses(
    rng: np.random.Generator,
    n: int,
    dial: Difficulty,
    *,
    spread: float,
    scale: tuple[float, float],
) -> tuple[Floats, Floats]:
    """Object coordinates of every pixel, N × 32 × 32 each."""
    line = np.linspace(-1, 1, SIDE, dtype=np.float32)
    shift = _f32(rng.uniform(-spread, spread, (2, n, 1, 1)))
    bend = _smooth(rng, (2, n), 4) * np.float32(dial.warp)
    x = (line[None, None, :] - shift[0] + bend[0]).astype(np.float32)
    y = (line[None, :, None] - shift[1] + bend[1]).astype(np.float32)
    turn = rng.uniform(-dial.turn, dial.turn, (n, 1, 1))
    size = rng.uniform(*scale, (n, 1, 1))
    mirror = rng.choice([-1.0, 1.0], (n, 1, 1))
    cos, sin = _f32(np.cos(turn) / size), _f32(np.sin(turn) / size)
    return (cos * x + sin * y) * _f32(mirror), cos * y - sin * x


def _render(
    protos: Prototypes, which: NDArray[np.int64], x: Floats, y: Floats
) -> tuple[Floats, Floats]:
    """Coverage and brightness of a prototype at object coordinates."""

    def of(values: Floats) -> Floats:
        return values[which][:, None, None]

    angle = np.arctan2(y, x)
    outline = np.ones_like(x)
    for i, harmonic in enumerate(_HARMONICS):
        outline += of(protos.bend[:, i]) * np.cos(harmonic * angle + of(protos.phase[:, i]))
    distance = of(protos.radius) * outline - np.sqrt(x * x + y * y)
    shape = 1 / (1 + np.exp(np.clip(-25 * distance, -30, 30)))
    wave = of(protos.frequency[:, 0]) * x + of(protos.frequency[:, 1]) * y
    shade = of(protos.fill) + of(protos.contrast) * np.sin(np.float32(np.pi) * wave)
    for i in range(_SPOTS):
        cx, cy, width, strength = (of(protos.spots[:, i, j]) for j in range(4))
        shade += strength * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width * width))
    return shape, shade


def _background(rng: np.random.Generator, n: int) -> Floats:
    return 0.45 + 0.16 * _smooth(rng, (n, 1), 5) + 0.06 * _smooth(rng, (n, 3), 4)


def _add_clutter(
    picture: Floats,
    rng: np.random.Generator,
    labels: NDArray[np.int64],
    protos: Prototypes,
    dial: Difficulty,
) -> None:
    """A small piece of another class, anywhere."""
    n = len(labels)
    other = (labels + rng.integers(1, CLASSES, n)) % CLASSES
    which = other * protos.modes + rng.integers(0, protos.modes, n)
    x, y = _poses(rng, n, dial, spread=0.8, scale=(0.35, 0.6))
    shape, shade = _render(protos, which, x, y)
    seen = _f32(rng.random((n, 1, 1)) < dial.clutter)
    _paint(picture, shape * seen, shade, protos.tint[which])


def _paint(picture: Floats, shape: Floats, shade: Floats, tint: Floats) -> None:
    colour = shade[:, None] + tint[:, :, None, None]
    picture += shape[:, None] * (colour - picture)


def _occlude(picture: Floats, rng: np.random.Generator, chance: float) -> None:
    """A rectangle of one colour."""
    n = len(picture)
    corner, extent = rng.integers(0, SIDE - 6, (2, n)), rng.integers(4, 13, (2, n))
    extent[:, rng.random(n) >= chance] = 0
    line = np.arange(SIDE)
    inside = [
        (line >= corner[i][:, None]) & (line < (corner[i] + extent[i])[:, None]) for i in (0, 1)
    ]
    mask = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    colour = _f32(rng.uniform(0.1, 0.9, (n, 1, 1, 1)) + rng.normal(0, 0.08, (n, 3, 1, 1)))
    np.copyto(picture, np.broadcast_to(colour, picture.shape), where=mask)


def _expose(picture: Floats, rng: np.random.Generator, noise: float) -> Bytes:
    n = len(picture)
    gain = _f32(rng.uniform(0.75, 1.25, (n, 1, 1, 1)))
    offset = _f32(rng.normal(0, 0.07, (n, 1, 1, 1)))
    light = 0.5 + gain * (picture - 0.5) + offset
    light += np.float32(noise) * rng.standard_normal(picture.shape, dtype=np.float32)
    return np.asarray(np.clip(light * 255 + 0.5, 0, 255), dtype=np.uint8)


def _smooth(rng: np.random.Generator, lead: tuple[int, int], knots: int) -> Floats:
    """Random fields of unit size at `knots`² points, interpolated to 32 × 32."""
    place = np.linspace(0, knots - 1, SIDE)
    weight = _f32(np.maximum(0, 1 - np.abs(place[:, None] - np.arange(knots))))
    field = rng.standard_normal((*lead, knots, knots), dtype=np.float32)
    return np.asarray(weight @ field @ weight.T, dtype=np.float32)


def _f32(values: NDArray[np.float64] | NDArray[np.bool_]) -> Floats:
    return np.asarray(values, dtype=np.float32)
