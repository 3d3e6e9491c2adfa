"""Lines that stand for code: "... existing code ..." for what stays, "removed code" for what goes.

Models write them as comments of any language, also where it has none (inside JSX), and in many wordings.
"""

import re
from collections.abc import Set

from phasr_lsp.domain.formats.filling.lines import comment, indent

KEEP, REMOVE = "keep", "remove"

_LONGEST = 300
"""Characters of a line that may be a marker."""

_HINT = re.compile(
    r"\.\.\.|…|existing|rest|remain|unchanged|no change|omit|same|previous|original|other|snip|removed|deleted",
    re.IGNORECASE,
)
"""What every marker has; most lines have nothing of it."""
_SIGNS = re.compile(r"^(?:\{\s*)?(?://+|#+|--|/\*+|<!--|;+|%+)\s*|\s*(?:\*/|-->)?\s*\}?$")
_CODE = (
    r"(?:code|imports?|methods?|functions?|class(?:es)?|file|fields?|props|properties|tests?|logic|module|routes?|"
    r"implementations?|components?|definitions?|handlers?|members?|body|dependencies|scripts?)"
)
_THINGS = rf"(?:{_CODE}|\w+)"
_STAYS = (
    r"\s*[,:(-]*\s*(?:(?:code\s+)?(?:(?:remains?|stays?|goes|continues?)\b.{0,60}|(?:is|are|kept)\b(?:\s(?:kept|omitted|"
    r"unchanged|not|shown|unaffected|here|above|below|as|is|before|the|same|for|brevity|now)){0,5})"
    r"|here|unchanged|omitted.{0,60}|as\s+(?:is|before)|the\s+same)"
)
_PHRASE = re.compile(
    rf"""[(\[<]*\s*(?:
        (?:the\ |keep\ |all\ )*(?:rest|remainder)\ of\ (?:\w+\ ){{0,3}}(?:{_CODE}(?:{_STAYS})?|{_THINGS}{_STAYS})
        | (?:the\ |your\ |keep\ |all\ )*(?:existing|previous|remaining|unchanged|original)\ (?:\w+\ ){{0,2}}
          (?:{_CODE}(?:{_STAYS})?|{_THINGS}{_STAYS})
        | (?:the\ |all\ )*(?:other|same)\ (?:\w+\ ){{0,2}}{_THINGS}{_STAYS}
        | unchanged | no\ changes?(?:\ here)? | (?:the\ )?same\ as\ (?:before|above|the\ original)
        | (?:code\ )?omitted(?:\ for\ brevity)? | snip(?:ped)? | further\ lines\ omitted
    )\s*[)\]>.:]*""",
    re.IGNORECASE | re.VERBOSE,
)
_BRIEF = re.compile(
    rf"""(?:the\ |all\ |keep\ |and\ )*(?:
        (?:existing|previous|remaining|unchanged|original|other|same|more)(?:\ \w+){{0,2}}\ {_CODE}
        | rest(?:\ of\ .{{0,40}})? | {_CODE}
        | (?:\w+\ ){{0,2}}(?:unchanged|omitted(?:\ for\ brevity)?|existing|remaining)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""What is a marker with dots behind it, and none without."""
_VOCABULARY = re.compile(
    r"\b(?:existing|rest|remaining|remains?|unchanged|omitted|same|previous|other|original|keep|more)\b"
    rf"|^{_CODE}$",
    re.IGNORECASE,
)
_BARE = re.compile(r"\W*?(?:\.{3,}|…)\s+(\w[\w\s,'/-]*?)\s*(\.{3,}|…)?\W*")
_REMOVAL = re.compile(
    r"""[(\[]*\s*(?:plandex:\s*)?(?:
        (?:\w+\s+){0,2}(?:code|lines?|imports?|methods?|functions?|blocks?|section)\s+
          (?:was\s+|were\s+|has\s+been\s+|have\s+been\s+)?(?:removed|deleted)
        | (?:removed|deleted)(?:\s*:?\s*
          (?:the|this|these|old|unused|obsolete|redundant|unnecessary|code|imports?|lines?|blocks?|methods?|functions?|calls?|sections?|`|\w+\(|\w+$)(?!.*\b(?:is|are|will|should|must|can|when|if)\b).{0,80})?
    )\s*[)\].]*""",
    re.IGNORECASE | re.VERBOSE,
)
_TRAILING = re.compile(
    r"(?P<code>.*?\S)\s*(?P<mark>(?://|#|/\*|\{/\*|<!--).*?(?:\*/\}?|-->)?)\s*(?P<closing>[})\]]*[;,]?)"
)
_STUB = re.compile(r"(?P<code>\s*(?:async\s+)?(?:def|class)\b.*:)\s*(?P<mark>\.\.\.|…)(?P<closing>)")


def is_marker(line: str) -> bool:
    """Whether a line stands for code that was left out and is to stay."""
    line = line.strip()
    if line in {"...", "…", "[...]", "[…]"}:
        return True
    if not _may_be_marker(line) or is_removal(line):
        return False
    if not comment(line):
        bare = _BARE.fullmatch(line)
        return bare is not None and (" " in bare[1] or bare[2] is not None) and _spoken_of(bare[1])
    said = _said(line)
    words = said.strip(".…()[] ")
    if re.match(r"[(\[]*(?:\.{3,}|…)", said):
        return True
    ends = re.search(r"(?:\.{3,}|…)[)\]]*$", said) is not None
    return _PHRASE.fullmatch(words if ends else said) is not None or (
        ends and _BRIEF.fullmatch(words) is not None
    )


def is_removal(line: str) -> bool:
    """Whether a line stands for code that is to go."""
    line = line.strip()
    return _may_be_marker(line) and comment(line) and _REMOVAL.fullmatch(_said(line).strip(".… ")) is not None


def marked(lines: list[str], known: Set[str]) -> tuple[list[str], dict[int, str]]:
    """The lines, with each marker on one of its own, and where these are; a line in `known` is meant as it is."""
    found: list[str] = []
    marks: dict[int, str] = {}
    for line in lines:
        for piece in [line] if line.strip() in known else _pieces(line):
            if piece.strip() not in known and (is_marker(piece) or is_removal(piece)):
                marks[len(found)] = REMOVE if is_removal(piece) else KEEP
            found.append(piece)
    return found, marks


def _may_be_marker(line: str) -> bool:
    return len(line) <= _LONGEST and _HINT.search(line) is not None


def _said(line: str) -> str:
    """What a comment says, without its signs."""
    return _SIGNS.sub("", line).strip(" -=*")


def _spoken_of(text: str) -> bool:
    return len(text.split()) <= 8 and _VOCABULARY.search(text) is not None


def _pieces(line: str) -> list[str]:
    """A line apart from a marker that it ends with or holds between brackets: `f() { /* ... */ }`."""
    if not _may_be_marker(line) or comment(line.strip()):
        return [line]
    parts = _STUB.fullmatch(line) or _TRAILING.fullmatch(line)
    if not parts or not (is_marker(parts["mark"]) or is_removal(parts["mark"])):
        return [line]
    inside = "    " if parts["code"][-1] in "{([:>" else ""
    closing = [indent(line) + parts["closing"]] if parts["closing"] else []
    return [parts["code"], indent(line) + inside + parts["mark"], *closing]
