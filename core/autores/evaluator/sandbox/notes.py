"""What the probes found, kept between processes: the same machine is not probed twice.

A note is about one kind of sandbox under one kernel since its start, one set of privileges
and namespaces, one version of this package. Whatever changes, the probes run again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autores.evaluator.sandbox import bubblewrap
from autores.evaluator.sandbox.base import HostSandbox
from autores.evaluator.sandbox.level import Enforcement, Finding, Guarantee

KEPT = Path("/tmp")
"""Not where TMPDIR says: each job has one of its own, that goes with it."""
STATUS_LINES = ("Cap", "NoNewPrivs", "Seccomp")
NAMESPACES = ("mnt", "user", "pid", "net")


@dataclass(frozen=True, slots=True)
class Notes:
    """The file of one sandbox."""

    path: Path

    @classmethod
    def about(cls, sandbox: HostSandbox) -> Notes:
        """Where the notes on this kind of sandbox are, on this machine as it is now."""
        digest = hashlib.sha256()
        for fact in _facts(sandbox):
            digest.update(fact + b"\0")
        folder = KEPT / f"autores-probes-{os.geteuid()}"
        return cls(folder / f"{digest.hexdigest()[:32]}.json")

    def read(self) -> tuple[Finding, ...] | None:
        """What was found, if it was written by this user."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            if self._is_ours():
                rows = json.loads(self.path.read_text())
                found = tuple(_finding(*row) for row in rows)
                if [finding.guarantee for finding in found] == list(Guarantee):
                    return found
        return None

    def write(self, findings: Sequence[Finding]) -> None:
        """Keep what was found; without a place to keep it nothing happens."""
        rows = [(f.guarantee.name, f.enforcement.name, f.evidence) for f in findings]
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            if self._is_ours():
                partial = self.path.with_suffix(f".{os.getpid()}")
                partial.write_text(json.dumps(rows))
                partial.rename(self.path)

    def _is_ours(self) -> bool:
        """The folder's name can be guessed: another user may have made it."""
        found = self.path.parent.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        return private and found.st_uid == os.geteuid()


def _finding(guarantee: str, enforcement: str, evidence: str) -> Finding:
    return Finding(
        guarantee=Guarantee[guarantee], enforcement=Enforcement[enforcement], evidence=evidence
    )


def _facts(sandbox: HostSandbox) -> Iterator[bytes]:
    yield repr((type(sandbox).__name__, os.uname()[:3], os.geteuid())).encode()
    yield repr((sandbox.environment, bubblewrap.version())).encode()
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/cgroup"):
        with contextlib.suppress(OSError):
            yield Path(path).read_bytes()
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(STATUS_LINES):
                yield line.encode()
    for name in NAMESPACES:
        with contextlib.suppress(OSError):
            yield os.readlink(f"/proc/self/ns/{name}").encode()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        yield source.read_bytes()
