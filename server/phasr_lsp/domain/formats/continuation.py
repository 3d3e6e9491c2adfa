"""A reply that was cut off at its model's limit, and the one that goes on with it."""

import re

from phasr_lsp.domain.formats.marks import closes_fence, opened_fence
from phasr_lsp.domain.text import to_lf

_TELLING = 16
"""Letters and digits in lines that hardly come twice in a row."""
_REPEATED = 20
"""Lines at the end of a reply that a model may say again before it goes on."""


def whole_lines(text: str) -> str:
    """The text up to its last complete line: from there a model can go on."""
    text = to_lf(text)
    return text[: text.rfind("\n") + 1]


def joined(text: str, rest: str) -> str:
    """Both parts as one reply, where `text` ends with a complete line.

    A code block that the rest opens anew and lines that it repeats are left out.
    """
    if not text:
        return rest
    lines, more = text.split("\n")[:-1], to_lf(rest).split("\n")
    if _in_fence(lines) and opened_fence(more[0]) and not closes_fence(more[0], _in_fence(lines)):
        del more[0]
    longest = min(_REPEATED, len(lines), len(more))
    repeated = next((size for size in range(longest, 0, -1) if lines[-size:] == more[:size]), 0)
    return "\n".join([*lines, *more[repeated if _distinctive(more[:repeated]) else 0 :]])


def _distinctive(lines: list[str]) -> bool:
    """Whether lines hardly come twice in a row, so that the second time is a repetition."""
    return len(re.findall(r"\w", "".join(set(lines)))) >= _TELLING


def _in_fence(lines: list[str]) -> str:
    """What opened the code block in which the lines end; "" where they end outside of any."""
    opened = ""
    for line in lines:
        if not opened:
            opened = opened_fence(line)
        elif closes_fence(line, opened):
            opened = ""
    return opened
