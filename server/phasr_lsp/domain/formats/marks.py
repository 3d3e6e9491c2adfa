"""The lines, and the tags within lines, that begin and end a code block, an edit or a thought."""

import re

SEARCH = re.compile(r"^\s*(?:<{3,12}|-{3,12}) ?(?:SEARCH|ORIGINAL)>?:?\s*$")
REPLACE = re.compile(r"^\s*(?:>{3,12}|\+{3,12}) ?(?:REPLACE|UPDATED)>?\s*$")
"""The markers around an edit."""
DIVIDER = re.compile(r"^\s*={5,12}\s*$")
HINT = re.compile(r"^\s*:(?P<end>start|end)_line: ?(?P<line>\d+)\s*$")
RULE = re.compile(r"^\s*-{5,}\s*$")
"""What parts an edit: its old lines from the new ones, and its hints from both."""

BEGIN_PATCH = re.compile(r"^\s*\*\*\* Begin Patch\s*$")
END_PATCH = re.compile(r"^\s*\*\*\* End Patch\s*$")
SECTION = re.compile(r"^\s*\*\*\* (?P<verb>\w+) File: *(?P<path>.*?)\s*$")
"""The markers around a patch, and those of its files."""

THOUGHTS = "think|thinking|thought|thoughts|reasoning|reflection|scratchpad|antthinking|seed:think"
"""The tags that families of models put around what they think."""
THOUGHT = re.compile(
    rf"""(?P<quote>[`\"']?)(?:
        <(?P<closing>/?)(?P<name>{THOUGHTS})(?:\s[^<>]*)?>
        | (?P<bracket>\[)(?P<bracket_closing>/?)THINK\]
        | <\|(?P<step>begin|end)_of_thought\|>
        | ◁(?P<sign_closing>/?)think▷
        | <\|channel\|>(?:analysis|commentary)<\|message\|> | (?P<message_end><\|end\|>)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""Where a thought begins or ends; a quoted tag is spoken of."""

WHOLE_TAGS = ("file", "create", "create_file", "write_file", "write_to_file")
"""Elements that hold the text of a file, whatever is in it."""

_FENCE = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
WRAPPERS = "source|code|pre|codeblock|sourcecode"
"""Tags that aider asks for in place of fences where a file has fences itself."""
_WRAPPER = re.compile(rf"^<(?:{WRAPPERS})>(?P<info>[\w+#-]*)$")


def closes_thought(tag: re.Match[str]) -> bool:
    """Whether a match of `THOUGHT` is an end."""
    ends = ("closing", "bracket_closing", "sign_closing", "message_end")
    return any(tag[end] for end in ends) or tag["step"] == "end"


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
