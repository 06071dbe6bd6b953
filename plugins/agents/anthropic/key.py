"""The API key: read once, sent to the API alone, and struck out of everything else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from autores.config import Environment
from autores.errors import UserError

VARIABLE = "ANTHROPIC_API_KEY"
STRUCK_OUT = "[key]"


@dataclass(frozen=True, slots=True)
class Key:
    """Cannot be printed."""

    value: str = field(repr=False)

    @classmethod
    def find(cls, file: str, environment: Environment) -> Self:
        """From a file, else from the environment.

        Raises:
            UserError: There is none.
        """
        if not file:
            value = environment.keys.get(VARIABLE, "").strip()
            if not value:
                raise UserError(
                    f"agent anthropic needs a key: set {VARIABLE}, "
                    "or -o agent.anthropic.key_file=PATH"
                )
            return cls(value)
        try:
            value = Path(file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{file}: no key can be read: {type(error).__name__}") from None
        if not value or "\n" in value:
            raise UserError(f"{file}: a file with a key holds that and nothing else")
        return cls(value)

    def scrub(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self.value, STRUCK_OUT)

    def scrubbed(self, blocks: Sequence[Mapping[str, Any]]) -> Any:
        """The same for what is said in JSON."""
        text = json.dumps(blocks, ensure_ascii=False)
        return json.loads(self.scrub(text)) if self.value in text else blocks
