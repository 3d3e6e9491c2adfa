"""What a model thought aloud, in the spellings of all families; it never reaches a file."""

import re
from functools import lru_cache

from phasr_lsp.domain.formats.marks import (
    REPLACE,
    SEARCH,
    THOUGHT,
    THOUGHTS,
    closes_fence,
    closes_thought,
    opened_fence,
)
from phasr_lsp.domain.text import to_lf

_END_OF_THOUGHT = re.compile(rf"</(?:{THOUGHTS})>[ \t]*(?:\n|\Z)", re.IGNORECASE)
_ENDS_THOUGHT = re.compile(rf"(?<![`\"'])</(?:{THOUGHTS})>[ \t]*$", re.IGNORECASE)
_TOKENS = re.compile(r"<\|start\|>\w*|<\|channel\|>final<\|message\|>|<\|(?:return|end)\|>")
"""What gpt-oss writes around its answer."""

_BLOCK, _DIFF = "<<<", "@@"
_PATCH = ("*** Begin Patch", "*** End Patch")
_JSON = ("{", "[")
_DIFF_LINES = (" ", "+", "-", "@", "\\", "diff ", "index ", "new ", "old ", "deleted ", "rename ", "similarity ")
_ELEMENT = re.compile(
    r"\s*<(file|edit|change|create|create_file|write_file|write_to_file|replace_in_file|edit_file|apply_diff|invoke"
    r"|search_and_replace|str_replace|insert|update|modify|parameter|tool_calls?|function_call|content|search|replace)(?:\s[^<>]*)?>"
)


@lru_cache(2)
def without_thinking(reply: str) -> str:
    """The reply, in LF, without what the model thought aloud; that never reaches a file.

    Code that speaks of such tags, in a fence or between SEARCH and REPLACE, stays as it is. A section that
    doesn't end hides all that follows.
    """
    reply = to_lf(reply)
    if not THOUGHT.search(reply) and not _TOKENS.search(reply):
        return reply
    kept: list[str] = []
    inside = ""
    thought = opened = False
    for line in _from_answer(reply).split("\n"):
        if inside and not (inside == _DIFF and not line.startswith(_DIFF_LINES)):
            inside = "" if _ends_code(line, inside) else inside
            kept.append(line)
            continue
        if not thought and not opened and "</" in line and _ends_thought(line):
            kept.clear()
            continue
        spoken, still = _spoken(line, thought)
        opened = opened or still
        if spoken.strip() or not (thought or still):
            kept.append(spoken)
        if not still:
            inside = _begins_code(spoken)
        thought = still
    return "\n".join(kept)


def _begins_code(line: str) -> str:
    """What begins on a line in which tags are code and no thoughts; "" for other lines."""
    if fence := opened_fence(line):
        return fence
    if SEARCH.match(line):
        return _BLOCK
    if line.startswith(("--- ", "diff --git ", "@@")):
        return _DIFF
    if line.strip() == _PATCH[0]:
        return _PATCH[1]
    tag = _ELEMENT.match(line)
    return f"</{tag[1]}>" if tag and f"</{tag[1]}>" not in line else ""


def _ends_code(line: str, inside: str) -> bool:
    if inside == _BLOCK:
        return REPLACE.match(line) is not None
    if inside == _PATCH[1]:
        return line.rstrip() == inside
    if inside.startswith("</"):
        return inside in line
    return inside != _DIFF and closes_fence(line, inside)


def _from_answer(reply: str) -> str:
    """The reply without a thought that ends and doesn't begin."""
    end = _END_OF_THOUGHT.search(reply)
    if end is None:
        return reply
    before = reply[: end.start()]
    code = any(_begins_code(line) or line.startswith(_JSON) for line in before.split("\n"))
    return reply if code or THOUGHT.search(before) else reply[end.end() :]


def _ends_thought(line: str) -> bool:
    """Whether a thought ends with the line that began on an earlier one."""
    end = _ENDS_THOUGHT.search(line)
    return end is not None and not THOUGHT.search(line, 0, end.start())


def _spoken(line: str, thought: bool) -> tuple[str, bool]:
    """What of a line isn't thought, and whether it ends within a thought."""
    if not thought and not ("<" in line or "[" in line or "◁" in line):
        return line, False
    spoken = ""
    at = 0
    for tag in THOUGHT.finditer(line):
        closing = closes_thought(tag)
        if thought and closing:
            thought, at = False, tag.end()
        elif not thought and not closing and not tag["quote"]:
            spoken += line[at : tag.start()]
            thought = True
    return (spoken, True) if thought else (_TOKENS.sub("", spoken + line[at:]), False)
