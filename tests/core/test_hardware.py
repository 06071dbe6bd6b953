from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from autores import hardware
from autores.hardware import Gpu, Hardware


def machine(*gpus: str, processor: str = "A", cpus: int = 4) -> Hardware:
    found = (Gpu(index=i, name=name, memory_bytes=1) for i, name in enumerate(gpus))
    return Hardware(cpus=tuple(range(cpus)), memory_bytes=1, processor=processor, gpus=tuple(found))


def fake_driver(folder: Path, output: str, code: int = 0) -> tuple[str, ...]:
    script = folder / "smi"
    script.write_text(f"import sys; print({output!r}); sys.exit({code})")
    return (sys.executable, str(script))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_here_is_what_this_process_may_use() -> None:
    here = Hardware.here()
    assert set(here.cpus) <= os.sched_getaffinity(0)
    assert here.cpus
    assert here.memory_bytes > 1 << 20
    assert here.word


def test_word_is_of_the_gpus_where_there_are_some() -> None:
    assert machine("NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3").word == (
        "2x-nvidia-h100-80gb-hbm3"
    )
    assert machine("B", "A", "B").word == "1x-a+2x-b"


def test_word_of_processors_drops_trademarks_and_clocks() -> None:
    found = machine(processor="Intel(R) Xeon(R) CPU E5-2690 v4 @ 2.60GHz", cpus=2)
    assert found.word == "2x-intel-xeon-e5-2690-v4"


def test_word_tells_counts_apart() -> None:
    assert machine(cpus=2).word != machine(cpus=4).word


def test_gpus_are_read_from_the_driver(tmp_path: Path) -> None:
    query = fake_driver(tmp_path, "0, 81559, NVIDIA H100 80GB HBM3\n1, [N/A], NVIDIA GB10, a\n")
    assert hardware.find_gpus(query) == (
        Gpu(index=0, name="NVIDIA H100 80GB HBM3", memory_bytes=81559 << 20),
        Gpu(index=1, name="NVIDIA GB10, a", memory_bytes=0),
    )


@pytest.mark.parametrize(
    ("output", "code"),
    [("NVIDIA-SMI has failed", 9), ("No devices were found", 0), ("", 0)],
)
def test_no_gpus_where_the_driver_has_none(tmp_path: Path, output: str, code: int) -> None:
    assert hardware.find_gpus(fake_driver(tmp_path, output, code)) == ()


def test_no_gpus_without_a_driver(tmp_path: Path) -> None:
    assert hardware.find_gpus((str(tmp_path / "missing"),)) == ()


def test_affinity_limits_the_processors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5, 3})
    assert hardware.usable_cpus(tmp_path) == (3, 5)


def test_threads_of_a_core_are_neighbours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)))
    for cpu in range(4):
        write(tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology/core_id", str(cpu % 2))
    assert hardware.usable_cpus(tmp_path) == (0, 2, 1, 3)


@pytest.mark.parametrize(
    ("quota", "count"), [("150000 100000", 2), ("max 100000", 4), ("20000 100000", 1), ("", 4)]
)
def test_quota_limits_the_processors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quota: str, count: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)))
    write(tmp_path / "sys/fs/cgroup/cpu.max", quota)
    assert len(hardware.usable_cpus(tmp_path)) == count


def test_control_group_limits_the_memory(tmp_path: Path) -> None:
    write(tmp_path / "sys/fs/cgroup/memory.max", "1048576")
    assert hardware.usable_memory(tmp_path) == 1 << 20
    write(tmp_path / "sys/fs/cgroup/memory.max", "max")
    assert hardware.usable_memory(tmp_path) > 1 << 20


def test_processor_is_named_by_the_system(tmp_path: Path) -> None:
    write(tmp_path / "proc/cpuinfo", "processor\t: 0\nmodel name\t: EPYC 9\n\nmodel name\t: X\n")
    assert hardware.processor(tmp_path) == "EPYC 9"
    assert hardware.processor(tmp_path / "nowhere")
