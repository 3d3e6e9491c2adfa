"""Messages as bytes, for tests that feed a server process its whole input at once."""

import json
from typing import Any


def message(method: str, params: dict[str, Any] | None, msg_id: int | None = None) -> bytes:
    """A notification, or a request where there is an id, as it is on the wire."""
    content: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    content |= {} if params is None else {"params": params}
    content |= {} if msg_id is None else {"id": msg_id}
    body = json.dumps(content).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
