"""The floor under Phasr's tasks: the same calls to the same model, and nothing done with the replies.

Reads `{"api_base", "messages", "count", "rounds", "stream"}` from standard input and prints the median cost of a
round as `{"milliseconds", "cpu_milliseconds"}`, the latter for each call.
"""

import asyncio
import json
import os
import sys
import time
from statistics import median
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches one from the network
os.environ["LITELLM_MODE"] = "PRODUCTION"  # else it loads a .env file from wherever it finds one

import litellm  # noqa: TID251 (what there is to compare with)


async def _call(work: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {
        "model": "openai/benchmark",
        "api_base": work["api_base"],
        "api_key": "none",
        "messages": work["messages"],
        "max_retries": 0,
    }
    if not work["stream"]:
        await litellm.acompletion(**arguments)
        return
    stream: Any = await litellm.acompletion(**arguments, stream=True, stream_options={"include_usage": True})
    async for _ in stream:
        pass


async def _round(work: dict[str, Any]) -> tuple[float, float]:
    begin, cpu = time.perf_counter_ns(), time.process_time_ns()
    await asyncio.gather(*(_call(work) for _ in range(work["count"])))
    return (time.perf_counter_ns() - begin) / 1e6, (time.process_time_ns() - cpu) / 1e6 / work["count"]


async def _main() -> None:
    work = json.loads(sys.stdin.read())
    settings: Any = litellm
    settings.suppress_debug_info = True
    settings.disable_streaming_logging = True
    await _round(work)
    rounds = [await _round(work) for _ in range(work["rounds"])]
    result = {"milliseconds": median(r[0] for r in rounds), "cpu_milliseconds": median(r[1] for r in rounds)}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    asyncio.run(_main())
