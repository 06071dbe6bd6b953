"""One turn over the SDK: what came, what it used, or how it failed."""

from __future__ import annotations

import asyncio
import email.utils
import importlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autores.config import seconds_of
from autores.plugins.agents.anthropic.key import Key
from autores.plugins.agents.anthropic.prices import Usage
from autores.plugins.agents.anthropic.settings import Settings

if TYPE_CHECKING:
    import anthropic

RETRIED = frozenset({408, 409, 425, 429})
"""Statuses, besides those of 500 and more."""
RETRIED_KINDS = frozenset({"overloaded_error", "api_error", "rate_limit_error", "timeout_error"})
"""Errors that come in a stream whose status was 200."""
CONNECT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the model said."""

    blocks: list[dict[str, Any]]
    stop: str
    usage: Usage
    request: str = ""
    """The API's name for it."""
    details: Any = None


class Failed(Exception):
    """A request that brought nothing."""

    def __init__(self, text: str, *, after: float | None = None) -> None:
        super().__init__(text)
        self.after = after
        """Seconds after which the API asks to be tried again."""


class Transient(Failed):
    """It may work later."""


class Refused(Failed):
    """It will not work, however often it is tried."""


class TooLong(Refused):
    """The prompt does not fit into the model's window."""


@dataclass(slots=True)
class Connection:
    """To the API, for all sessions of a run; made at the first use."""

    settings: Settings
    key: Key
    _client: anthropic.AsyncAnthropic | None = field(default=None, repr=False)

    async def turn(
        self, request: Mapping[str, Any], meter: Callable[[Usage], None] = lambda usage: None
    ) -> Turn:
        """Send a request once, and read the stream to its end.

        Args:
            request: As the API takes it.
            meter: Told once what was used, also if the stream breaks off or we do.

        Raises:
            Transient: The API is overloaded, or the stream broke off.
            TooLong: The prompt is too long.
            Refused: For another reason.
        """
        client = await self._connected()
        sdk: Any = importlib.import_module("anthropic")
        transport: Any = importlib.import_module("httpx2")
        stream: Any = None
        try:
            async with client.messages.stream(**request) as stream:
                message = await stream.get_final_message()
        except sdk.APIStatusError as error:
            raise self._by_status(error) from None
        except (sdk.APIError, transport.HTTPError, OSError) as error:
            raise Transient(self._said(error)) from None
        except (ValueError, AssertionError, TypeError, KeyError, AttributeError) as error:
            raise Transient(f"a malformed stream: {self._said(error)}") from None
        finally:
            meter(_told(stream))
        if message.stop_reason is None:
            raise Transient("the stream ended without a stop reason")
        return Turn(
            blocks=[_plain(block) for block in message.content],
            stop=message.stop_reason,
            usage=Usage.said(message.usage),
            request=stream.request_id or "",
            details=getattr(message, "stop_details", None),
        )

    async def close(self) -> None:
        """Close its sockets."""
        if self._client is not None:
            await self._client.close()

    async def _connected(self) -> anthropic.AsyncAnthropic:
        if self._client is None:
            # The import takes a second, in which other sessions want to go on.
            sdk = await asyncio.to_thread(importlib.import_module, "anthropic")
            transport: Any = importlib.import_module("httpx2")
            silence = seconds_of(self.settings.silence)
            self._client = self._client or sdk.AsyncAnthropic(
                api_key=self.key.value,
                base_url=self.settings.base_url or None,
                max_retries=0,  # what is retried, and for how long, is decided here
                timeout=transport.Timeout(silence, connect=CONNECT_S),
            )
        return self._client

    def _by_status(self, error: Any) -> Failed:
        said = self._said(error)
        kind = getattr(error, "type", None)
        if error.status_code >= 500 or error.status_code in RETRIED or kind in RETRIED_KINDS:
            return Transient(said, after=_retry_after(error.response.headers))
        if error.status_code in (400, 413) and "too long" in said.lower():
            return TooLong(said)
        return Refused(said)

    def _said(self, error: BaseException) -> str:
        text = " ".join(str(error).split())[:500]
        return self.key.scrub(f"{type(error).__name__}: {text}")


def _told(stream: Any) -> Usage:
    """What the API has said of the usage so far."""
    try:
        return Usage.said(stream.current_message_snapshot.usage)
    except (AssertionError, AttributeError):
        return Usage()


def _plain(block: Any) -> dict[str, Any]:
    """A block as it is sent back: nothing that the SDK has added, nothing that is not there."""
    found: dict[str, Any] = block.model_dump(mode="json")
    return {k: v for k, v in found.items() if v is not None and k != "parsed_output"}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """What the API asks for: milliseconds, seconds, or a date."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name, "")
        try:
            return max(0.0, float(value) * unit)
        except ValueError:
            continue
    found = email.utils.parsedate_tz(headers.get("retry-after", ""))
    return None if found is None else max(0.0, email.utils.mktime_tz(found) - time.time())
