"""Keeps long computations off the event loop, which has to answer the editor within milliseconds."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

SMALL = 50_000
"""Characters up to which a text is worked on where one stands: it takes less time than a thread's turn may."""

_THREADS = 2
"""Python runs one of them at a time; the second keeps a short text from waiting for a long one."""


class Threads:
    """Runs functions of frozen values; what they return is taken up on the event loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "phasr-engine")

    async def run(self, characters: int, work: Callable[[], T]) -> T:
        """What `work` returns or raises; it goes through so many characters.

        When the awaiting task is cancelled, work that has begun is finished and its result dropped.
        """
        if characters <= SMALL:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
