"""The lines that begin and end a code block or an edit."""

import re

SEARCH = re.compile(r"^\s*(?:<{3,12}|-{3,12}) ?(?:SEARCH|ORIGINAL)>?:?\s*$")
REPLACE = re.compile(r"^\s*(?:>{3,12}|\+{3,12}) ?(?:REPLACE|UPDATED)>?\s*$")
"""The markers around an edit."""

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
WRAPPERS = "source|code|pre|codeblock|sourcecode"
"""Tags that aider asks for in place of fences where a file has fences itself."""
_WRAPPER = re.compile(rf"^<(?:{WRAPPERS})>(?P<info>[\w+#-]*)$")


def opened_fence(line: str) -> str:
    """What opens a code block on this line: the back-ticks or tildes, or the tag; "" for any other line."""
    if "``" not in line and "~~" not in line and not line.startswith("<"):
        return ""
    fence = _FENCE.match(line) or _WRAPPER.match(line)
    return "" if fence is None else fence[0][: len(fence[0]) - len(fence["info"])]


def closes_fence(line: str, opened: str) -> bool:
    """Whether a line closes the code block that was opened so."""
    if opened.startswith("<"):
        return line.strip() == "</" + opened[1:]
    fence = _FENCE.match(line) if "``" in line or "~~" in line else None
    mark = opened.lstrip()
    return (
        fence is not None
        and fence["mark"].startswith(mark)
        and not fence["info"].strip()
        and len(fence["indent"]) <= len(opened) - len(mark) + 3
    )
