"""A mistake in what a person wrote: where it stands, what is wrong, and what was probably meant."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A range in a file. Lines and columns count from 0, columns in code points; the end is exclusive."""

    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0


@dataclass(frozen=True)
class Problem:
    source: Path | None
    """The file; None for the editor's settings."""
    place: Place
    message: str
    """What is wrong and what to write instead. The value of a key or an address is never repeated."""

    def __str__(self) -> str:
        if self.source is None:
            return f"Editor settings: {self.message}"
        return f"{self.source}:{self.place.line + 1}:{self.place.column + 1}: {self.message}"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The other candidate that is most like `name`, if one is; letter case doesn't count."""
    by_lower = {candidate.lower(): candidate for candidate in candidates if candidate != name}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """A sentence, led by a space, that proposes the nearest candidate; "" where none is near."""
    found = nearest(name, candidates)
    return f' Did you mean "{found}"?' if found else ""
