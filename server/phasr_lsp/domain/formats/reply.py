"""What all formats share: the files a reply may speak of, and the shapes that surround its edits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from phasr_lsp.domain.text import FileText, Span, to_lf


@dataclass(frozen=True)
class Files:
    """What the model was shown, and what it may change."""

    target: FileText
    """The file that the task's result goes into."""
    region: Span | None = None
    """Where in the target; None for anywhere in it."""
    name: str = ""
    """The definition that stands in the region; "" where there is none."""
    imports: Span = Span(0, 0)
    """The target's import statements, or the empty span where new ones belong."""
    import_words: tuple[str, ...] = ()
    """Words with which an import statement begins in the target's language."""
    imports_suffice: bool = False
    """Whether import statements alone are an answer: a missing one may be all that is wrong."""
    others: Mapping[str, FileText] = field(default_factory=dict[str, FileText])
    """Further files by name."""

    def named(self, name: str) -> FileText | None:
        """The file that a reply means by `name`, whatever marks stand around it.

        A workspace prefix in front and a missing folder are forgiven where exactly one file fits then.
        """
        wish = path_in(name)
        known = {self.target.name: self.target, **self.others}
        if wish in known:
            return known[wish]
        # A file at the top of the workspace is meant by a longer path only if that one is absolute: of two
        # relative paths with the same last part each is a file of its own.
        absolute = re.match(r"/|[A-Za-z]:/|~/", wish) is not None
        fitting = [
            file
            for key, file in known.items()
            if key.endswith("/" + wish) or (wish.endswith("/" + key) and ("/" in key or absolute))
        ]
        return fitting[0] if len(fitting) == 1 else None


@dataclass(frozen=True)
class Malformed:
    """A reply without a usable edit, with what the model is told about it."""

    reason: str


@dataclass(frozen=True)
class Fence:
    """A Markdown code block."""

    info: str
    """What stands behind the opening fence."""
    text: str
    """LF line endings; the last line ends with one unless the block is empty."""
    before: str
    """The last line that isn't blank above the block."""


_TAG = re.compile(r"(?P<quote>[`\"']?)<(?P<closing>/?)(?P<name>think|thinking|reasoning)>", re.IGNORECASE)
_UNOPENED = re.compile(
    r"\A(?:(?!<think).)*?</(?:think|thinking|reasoning)>[ \t]*(?:\n|\Z)", re.DOTALL | re.IGNORECASE
)
_FENCE = re.compile(r"^ {0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
_SEARCH = re.compile(r"^\s{0,3}<{5,9} ?(?:SEARCH|ORIGINAL)")
_REPLACE = re.compile(r"^\s{0,3}>{5,9} ?(?:REPLACE|UPDATED)")
_BULLET = re.compile(r"^(?:[-*+•]|\d+[.)]|#+|//|(?:file|filename|path) ?:)\s+", re.IGNORECASE)
_ELISION = re.compile(
    r"""^\s*(?:\#|//|--|/\*|<!--|\{/\*|;|%)\s*(?:
        (?:\.{3}|…)\s*(?:\*/\}?|-->)?\s*$
        | (?:\.{3}|…).*\b(?:existing|rest|remaining|unchanged|omitted|same|previous|other)\b
        | .*\b(?:existing|rest\ of\ the|remaining|other|same)
          \ (?:code|file|class|function|methods?|implementation|tests?|logic)\b
          .*(?:\.{3}|…|unchanged|omitted|as\ before|the\ same)
        | (?:add\ )?(?:your|the)\ (?:code|implementation|logic)\ (?:goes\ )?here\b
        | implementation\ (?:goes\ )?here\b
        | \[further\ lines\ omitted\]
    )""",
    re.IGNORECASE | re.VERBOSE,
)


def without_thinking(reply: str) -> str:
    """The reply, in LF, without what the model thought aloud; that never reaches a file.

    Code that speaks of such tags, in a fence or between SEARCH and REPLACE, stays as it is. A section that
    doesn't end hides all that follows.
    """
    kept: list[str] = []
    inside = thought = ""
    for line in _UNOPENED.sub("", to_lf(reply), count=1).split("\n"):
        if inside:
            inside = "" if _closes(line, inside) or (inside == "<" and _REPLACE.match(line)) else inside
            kept.append(line)
            continue
        spoken, still = _spoken(line, thought)
        if spoken.strip() or not (thought or still):
            kept.append(spoken)
        fence = _FENCE.match(spoken)
        inside = fence["mark"] if fence else "<" if _SEARCH.match(spoken) else ""
        thought = still
    return "\n".join(kept)


def _spoken(line: str, thought: str) -> tuple[str, str]:
    """What of a line isn't thought, and the tag that is still open behind it."""
    spoken = ""
    at = 0
    for tag in _TAG.finditer(line):
        name = tag["name"].lower()
        if thought == name and tag["closing"]:
            thought, at = "", tag.end()
        elif not thought and not tag["closing"] and not tag["quote"]:
            spoken += line[at : tag.start()]
            thought = name
    return spoken if thought else spoken + line[at:], thought


def _closes(line: str, mark: str) -> bool:
    """Whether a line is the closing fence for an opening one."""
    fence = _FENCE.match(line)
    return fence is not None and fence["mark"].startswith(mark) and not fence["info"].strip()


def fences(reply: str) -> list[Fence] | Malformed:
    """The code blocks of a reply, fences of any length; a block that never closes is malformed.

    A fence with a language inside a block opens a block within it (models forget to make the outer fence
    longer); what is inside belongs to the outer block.
    """
    found: list[Fence] = []
    above = mark = info = ""
    depth = 0
    body: list[str] = []
    for line in without_thinking(reply).split("\n"):
        fence = _FENCE.match(line)
        if not depth:
            if fence:
                mark, info, depth, body = fence["mark"], fence["info"].strip(), 1, []
            elif line.strip():
                above = line.strip()
            continue
        if _closes(line, mark):
            depth -= 1
        elif fence and fence["mark"].startswith(mark):
            depth += 1
        if depth:
            body.append(line)
        else:
            found.append(Fence(info, "".join(text + "\n" for text in body), above))
            above = ""
    if depth:
        return Malformed("The code block isn't closed: the reply seems to be cut off.")
    return found


def path_in(line: str) -> str:
    """The path that a line of a reply consists of, without bullet, quotes and colon, in forward slashes.

    A line that is no path comes back as it is, stripped.
    """
    text = _BULLET.sub("", line.strip())
    text = text.strip("`*\"' ").rstrip(":").strip("`*\"' ").replace("\\", "/")
    return text.removeprefix("./")


def is_path(text: str) -> bool:
    """Whether a text, as `path_in` gives it, can only be meant as a file's path."""
    return re.fullmatch(r"[^\s`]*(?:[\w-]\.\w{1,10}|/[^\s`/]+)", text) is not None


def elision(text: str, before: str) -> str | None:
    """The first line that stands for code which was left out ("... existing code ..."), if there is one.

    A line that the file itself has is meant as it stands.
    """
    known = {line.strip() for line in to_lf(before).split("\n")}
    lines = (line.strip() for line in text.split("\n"))
    return next(
        (line for line in lines if (line in {"...", "…"} or _ELISION.match(line)) and line not in known), None
    )
