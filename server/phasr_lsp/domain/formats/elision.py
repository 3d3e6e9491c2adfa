"""Lines that stand for code which a reply left out."""

import re

from phasr_lsp.domain.formats.filling.markers import is_marker
from phasr_lsp.domain.text import to_lf

_TO_BE_WRITTEN = re.compile(
    r"\s*(?:#|//|--|/\*|<!--|\{/\*|;|%)\s*(?:(?:add )?(?:your|the) )?(?:code|implementation|logic)"
    r" (?:goes )?here\b",
    re.IGNORECASE,
)


def elision(text: str, before: str) -> str | None:
    """The first line that stands for code which was left out ("... existing code ..."), if there is one.

    A line that the file itself has is meant as it stands.
    """
    marks = [line.strip() for line in text.split("\n") if is_marker(line) or _TO_BE_WRITTEN.match(line)]
    if not marks:
        return None
    known = {line.strip() for line in to_lf(before).split("\n")}
    return next((line for line in marks if line not in known), None)
