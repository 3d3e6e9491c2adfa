"""How many things go on at once, where the number may change meanwhile."""

import asyncio
from collections import deque
from collections.abc import Callable


class Limiter:
    """`async with` takes a place, in the order of asking; the limit counts as it is whenever a place is asked for
    or becomes free."""

    def __init__(self, limit: Callable[[], int]) -> None:
        self._limit = limit
        self._taken = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._taken -= 1
        self._admit()

    def _admit(self) -> None:
        while self._queue and self._taken < self._limit():
            turn = self._queue.popleft()
            if not turn.cancelled():
                turn.set_result(None)
                self._taken += 1
