"""What happened in a session, line by line, readable while it goes on."""

from __future__ import annotations

import json
import os
import time

from autores.codec import to_json
from autores.folder import RunFolder


class Transcript:
    """One JSON line for each thing; the file moves when the session ends."""

    def __init__(self, folder: RunFolder, session: str) -> None:
        """Begin the transcript of a session."""
        self._path = folder.transcript(session, is_open=True)
        self._final = folder.transcript(session)
        self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace")

    def record(self, kind: str, content: object) -> None:
        """Add a line."""
        line = {"at": round(time.time(), 3), "kind": kind, "content": _plain(content)}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """The session has ended."""
        self._file.close()
        os.rename(self._path, self._final)


def interrupted(folder: RunFolder) -> list[str]:
    """Close the transcripts that a supervisor left open; the names of their sessions."""
    found = sorted(folder.open_sessions.iterdir())
    for path in found:
        path.rename(folder.sessions / path.name)
    return [path.stem for path in found]


def _plain(content: object) -> object:
    try:
        return to_json(content)
    except TypeError:
        return repr(content)
