"""The real server as a process of its own, with one request more: `test/apply` carries out a ChangeSet.

Its parameters are the set as JSON, `[{"uri", "name", "before", "after", "moved_to": {"uri", "name"}}]`; it
answers with the name of the error and its text, or with null.
"""

import asyncio
import sys
from typing import Any

from phasr_lsp.__main__ import _open_session  # pyright: ignore[reportPrivateUsage]
from phasr_lsp.domain.change import ChangeSet, FileChange, Place
from phasr_lsp.domain.errors import PhasrError
from phasr_lsp.lsp import wire
from phasr_lsp.lsp.server import PhasrServer


async def main() -> int:
    stream = wire.claim_stdio()
    server = PhasrServer(_open_session)

    @server.feature("test/apply")
    async def apply(params: Any) -> object:
        files = tuple(
            FileChange(
                file["uri"],
                file["name"],
                file["before"],
                file["after"],
                file["moved_to"] and Place(**file["moved_to"]),
            )
            for file in params
        )
        try:
            await server.session.editor.apply("Test", ChangeSet(files))
        except PhasrError as error:
            return [type(error).__name__, str(error)]
        return None

    del apply
    try:
        return await wire.serve(server.protocol, stream)
    finally:
        await server.aclose()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
