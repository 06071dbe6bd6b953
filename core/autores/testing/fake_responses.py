"""Just enough of the Responses API on loopback to lead Codex through calls of our tools."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = tuple[str, Mapping[str, Any]]
"""Name of a tool and its arguments."""
USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 40},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 107,
}
"""Of each answer."""


@contextmanager
def fake_responses(steps: Sequence[Step], namespace: str) -> Iterator[str]:
    """Play a model that calls these tools one after the other; the `base_url`.

    Args:
        steps: The calls.
        namespace: Under which Codex offers the server's tools, as `mcp__autores`.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Know no models."""
            self._send(404, b"", "text/plain")

        def do_POST(self) -> None:
            """Call the next tool."""
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            done = sum(item.get("type") == "function_call_output" for item in body["input"])
            self._send(200, _stream(done, _item(done, steps, namespace)), "text/event-stream")

        def _send(self, status: int, data: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _item(done: int, steps: Sequence[Step], namespace: str) -> dict[str, Any]:
    if done >= len(steps):
        said = [{"type": "output_text", "text": "Done."}]
        return {"type": "message", "id": "last", "role": "assistant", "content": said}
    name, arguments = steps[done]
    return {
        "type": "function_call",
        "id": f"fc_{done}",
        "call_id": f"call_{done}",
        "namespace": namespace,
        "name": name,
        "arguments": json.dumps(arguments),
    }


def _stream(number: int, item: Mapping[str, Any]) -> bytes:
    name = f"resp_{number}"
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": name}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": name, "usage": USAGE}},
    ]
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()
