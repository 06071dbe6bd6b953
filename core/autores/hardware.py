"""What this machine has, and the word within which timed scores are comparable."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from platform import machine as architecture

QUERY = ("nvidia-smi", "--query-gpu=index,memory.total,name", "--format=csv,noheader,nounits")
PATIENCE_S = 20.0
"""For a driver that must be woken first."""
SYSTEM = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One device, as its driver names it."""

    index: int
    name: str
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What this process may use."""

    cpus: tuple[int, ...]
    """Processors in an order in which neighbours share a core, a cache or a socket."""
    memory_bytes: int
    processor: str
    gpus: tuple[Gpu, ...] = ()

    @classmethod
    def here(cls) -> Hardware:
        """Look at this machine."""
        return cls(
            cpus=usable_cpus(),
            memory_bytes=usable_memory(),
            processor=processor(),
            gpus=find_gpus(),
        )

    @property
    def word(self) -> str:
        """The devices that scores depend on: `2x-nvidia-h100-80gb-hbm3`, or processors."""
        if not self.gpus:
            return f"{len(self.cpus)}x-{_slug(self.processor)}"
        kinds = Counter(gpu.name for gpu in self.gpus)
        return "+".join(f"{count}x-{_slug(name)}" for name, count in sorted(kinds.items()))


def usable_cpus(system: Path = SYSTEM) -> tuple[int, ...]:
    """The processors that this process may run on, no more than its control group pays for."""
    allowed = sorted(_affinity(), key=lambda cpu: _place(system, cpu))
    return tuple(allowed[: max(1, min(len(allowed), _quota(system)))])


def _affinity() -> Iterable[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)


def _place(system: Path, cpu: int) -> tuple[int, int, int]:
    topology = system / f"sys/devices/system/cpu/cpu{cpu}/topology"
    return (
        _number(topology / "physical_package_id", 0),
        _number(topology / "core_id", cpu),
        cpu,
    )


def _quota(system: Path) -> int:
    quota, _, period = _text(system / "sys/fs/cgroup/cpu.max").partition(" ")
    if not (quota.isdigit() and period.isdigit()):
        return sys.maxsize
    return math.ceil(int(quota) / int(period))


def usable_memory(system: Path = SYSTEM) -> int:
    """Bytes of memory that this process may fill."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(pages, _number(system / "sys/fs/cgroup/memory.max", pages))


def processor(system: Path = SYSTEM) -> str:
    """The processor's model; its architecture where the system does not say."""
    named = re.search(r"^model name\s*:\s*(.+)$", _text(system / "proc/cpuinfo"), re.MULTILINE)
    return named[1].strip() if named else architecture()


def find_gpus(query: tuple[str, ...] = QUERY) -> tuple[Gpu, ...]:
    """The NVIDIA devices of this machine; none where the driver does not answer."""
    try:
        answer = subprocess.run(
            query, capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = (line.split(",", 2) for line in answer.stdout.splitlines())
    return tuple(
        Gpu(index=int(row[0]), memory_bytes=_mebibytes(row[1]), name=row[2].strip())
        for row in rows
        if len(row) == 3 and row[0].strip().isdigit()
    )


def _mebibytes(text: str) -> int:
    """Devices that share the host's memory say `[N/A]`."""
    return int(text) << 20 if text.strip().isdigit() else 0


def _slug(name: str) -> str:
    plain = re.sub(r"\((R|TM)\)|\bCPU\b|@.*", " ", name)
    return re.sub(r"[^a-z0-9.]+", "-", plain.lower()).strip("-")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _number(path: Path, otherwise: int) -> int:
    text = _text(path)
    return int(text) if text.isdigit() else otherwise
