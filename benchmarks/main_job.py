"""The main job: from an editor's start to an edit in its buffer."""

from collections.abc import Iterator

from benchmarks import at_rest, tasks
from benchmarks.figures import Figure
from benchmarks.servers import desk

NOBODY = "http://127.0.0.1:9/v1"
"""A provider's address that nothing is asked of: no task runs before `tasks` puts a real one in its place."""


def measure() -> Iterator[Figure]:
    with desk() as place:
        place.configure(NOBODY)
        yield from at_rest.start(place)
        yield from at_rest.code_actions(place)
        yield from at_rest.memory(place)
        yield from tasks.measure(place)
