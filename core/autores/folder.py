"""Where things lie in a run's folder: the one owner of these names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`runs/<run>/`."""

    root: Path

    def create(self) -> None:
        """Make the folders that are always there."""
        for folder in (self.open_sessions, self.workspaces):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def manifest(self) -> Path:
        """Everything that was resolved when the run began."""
        return self.root / "run.toml"

    @property
    def lineage(self) -> Path:
        """The default store."""
        return self.root / "lineage.db"

    @property
    def code(self) -> Path:
        """The bare git repository."""
        return self.root / "code.git"

    @property
    def source(self) -> Path:
        """The files of an imported run, as they came."""
        return self.root / "source"

    @property
    def marks(self) -> Path:
        """What people said of trials of an imported run."""
        return self.root / "marks.jsonl"

    @property
    def compared(self) -> Path:
        """What came of it as one run of a comparison."""
        return self.root / "compared.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor of this run as long as it lives."""
        return self.root / "lock"

    @property
    def control(self) -> Path:
        """The socket of a run that is at work."""
        return self.root / "control.sock"

    @property
    def workspaces(self) -> Path:
        """One folder per session that works now."""
        return self.root / "workspaces"

    @property
    def probes(self) -> Path:
        """Where tools run a recipe's code; empty but for those that run now."""
        return self.root / "probes"

    @property
    def sessions(self) -> Path:
        """Transcripts."""
        return self.root / "sessions"

    @property
    def keys(self) -> Path:
        """Signing keys on their way to evaluators; each file is unlinked when it was read."""
        return self.root / "keys"

    @property
    def log(self) -> Path:
        """What the supervisor had to say."""
        return self.root / "autores.log"

    def trial(self, trial: int) -> Path:
        """Logs and measurements of a trial; a thousand trials to a folder."""
        return self.root / f"trials/{trial // 1000:03d}/{trial:04d}"

    def job(self, name: str, trial: int) -> Path:
        """Bundle and results of an evaluation job."""
        return self.trial(trial) / name

    @property
    def open_sessions(self) -> Path:
        """Transcripts of sessions that have not ended."""
        return self.sessions / "open"

    def transcript(self, session: str, *, is_open: bool = False) -> Path:
        """One line of JSON for each thing that happened in a session."""
        return self.root / f"sessions/{'open/' if is_open else ''}{session}.jsonl"

    def workspace(self, session: str) -> Path:
        """The files that a session edits."""
        return self.workspaces / session
