"""Places that are limited in number: nobody overtakes, nobody is forgotten."""

import asyncio

from phasr_lsp.engine.limiter import Limiter


async def test_a_place_goes_on_when_who_has_it_leaves_before_he_enters() -> None:
    limiter = Limiter(lambda: 1)
    inside: list[int] = []
    leave = asyncio.Event()

    async def visit(number: int) -> None:
        async with limiter:
            inside.append(number)
            await leave.wait()

    async def visit_and_turn_away_the_third() -> None:
        await visit(0)
        visitors[2].cancel()

    visitors = [
        asyncio.create_task(each) for each in (visit_and_turn_away_the_third(), visit(1), visit(2), visit(3))
    ]
    await asyncio.wait(visitors, timeout=0)
    visitors[1].cancel()
    await asyncio.wait([visitors[1]])
    assert inside == [0]
    leave.set()
    await asyncio.wait(visitors)
    assert [visitor.cancelled() for visitor in visitors] == [False, True, True, False]
    assert inside == [0, 3]
