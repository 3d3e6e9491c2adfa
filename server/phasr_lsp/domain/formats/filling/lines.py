"""What single lines of code say, whatever the language: as far as a line alone can tell."""

import re

_COMMENT = re.compile(r"//|#(?![\w\[<])|--(?=\s|$)|/\*|\*(?=[\s/]|$)|\*/|<!--|\{/\*|;(?=[;\s])|%\s")
PREPROCESSOR = re.compile(r"#\s*(?:if|ifdef|ifndef|else|elif|endif|pragma|region|endregion)\b")
_LITERAL = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|(?<!:)//.*|#\s.*")
_WORD = re.compile(r"[A-Za-z_]\w*|\d+")
_COMMON = frozenset(
    [
        "async",
        "await",
        "const",
        "def",
        "else",
        "for",
        "function",
        "if",
        "in",
        "let",
        "new",
        "of",
        "return",
        "self",
        "this",
        "var",
        "while",
    ]
)

_LONGEST = 400
"""Characters of a line up to which its strings are told from its code."""


def comment(line: str) -> bool:
    """Whether a stripped line is a comment, as far as a line alone can tell."""
    return _COMMENT.match(line) is not None and not PREPROCESSOR.match(line)


def substance(lines: list[str]) -> list[str]:
    """The lines, stripped, that hold a word."""
    return [line.strip().rstrip(",") for line in lines if _WORD.search(line)]


def code(lines: list[str]) -> list[str]:
    """The lines of substance that do something: no comments, no `pass`."""
    return [line for line in substance(lines) if not comment(line) and line != "pass"]


def words(line: str) -> frozenset[str]:
    """The words of a line that say what it is about."""
    return frozenset(_WORD.findall(line)) - _COMMON


def likeness(one: str, other: str) -> float:
    """How many of their words two lines share: 0 to 1."""
    mine, theirs = words(one), words(other)
    return 2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine and theirs else 0.0


def balance(lines: list[str]) -> int:
    """Brackets that are opened but not closed; negative if more are closed."""
    text = "\n".join(_LITERAL.sub("", line) if len(line) <= _LONGEST else line for line in lines)
    return sum(map(text.count, "([{")) - sum(map(text.count, ")]}"))


def indented_as(old: list[str], new: list[str]) -> list[str]:
    """The new lines with tabs or spaces as the old ones have them; the first one has its lost margin again."""
    old_unit, new_unit = _unit(old), _unit(new)
    if old_unit and new_unit and (old_unit == "\t") != (new_unit == "\t"):
        new = [_reindented(line, new_unit, old_unit) for line in new]
    first = next((at for at, line in enumerate(new) if line.strip()), 0)
    places = [at for at, line in enumerate(old) if line.strip() == new[first].strip()]
    if len(places) == 1 and not indent(new[first]):
        margin = indent(old[places[0]])
        below = [indent(line) for line in new[first + 1 :] if line.strip()]
        below_old = next((indent(line) for line in old[places[0] + 1 :] if line.strip()), "")
        if below[:1] == [below_old] and all(width.startswith(margin) for width in below):
            return [*new[:first], margin + new[first], *new[first + 1 :]]
    return new


def _unit(lines: list[str]) -> str:
    """A tab, or the spaces of one level; "" where a text has both or neither."""
    margins = {indent(line) for line in lines if line.strip() and line[0].isspace() and not comment(line.strip())}
    if margins and all(margin[0] == "\t" for margin in margins):
        return "\t"
    return min(margins, key=len) if margins and not any("\t" in margin for margin in margins) else ""


def _reindented(line: str, unit: str, other: str) -> str:
    depth, rest = divmod(len(indent(line)), len(unit))
    return other * depth + " " * rest + line.lstrip() if line.strip() else line


def indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
