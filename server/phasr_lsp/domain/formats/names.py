"""How replies write the paths of files, and how those are told from prose."""

import re
from collections.abc import Callable, Iterator

from phasr_lsp.domain.formats.marks import REPLACE, opened_fence
from phasr_lsp.domain.formats.thoughts import without_thinking

_BULLET = re.compile(
    r"^(?:[-*+•]|\d+[.)]|#+|//|>"
    r"|\*{0,2}`?(?:new |modified |updated )?(?:file|filename|file ?path|path)`?\*{0,2} ?:)\s+",
    re.IGNORECASE,
)
_WITHOUT_SUFFIX = frozenset(
    (
        *(
            "Makefile",
            "Dockerfile",
            "Containerfile",
            "Procfile",
            "Gemfile",
            "Rakefile",
            "Jenkinsfile",
            "Vagrantfile",
        ),
        *("LICENSE", "README"),
    )
)
_PLACEHOLDER = re.compile(r"^/?path/to/(?:your/|the/)?")
"""What models write for a folder that they don't know."""
_REMARK = re.compile(r"\s+\((?:new|modified|updated|changed|created)(?: file)?\)$", re.IGNORECASE)
_PATH = re.compile(r"[^\s`<>|*?\"]*(?:[\w\])-]\.\w{1,10}|/[^\s`/<>|*?\"]+|(?:^|/)\.\w[\w.-]*)")
_SEPARATORS = re.compile(r"[\s:=\"'{},]+")
_SHOWN = re.compile(r"`([^`\s]+)`|\*\*([^*\s]+)\*\*")
_NAMED = re.compile(
    r"""^(?:\*{3}\ (?:(?:Update|Add|Delete)\ File|Move\ to):|---(?!-)|\+{3}|rename\ (?:from|to))\ *
        (?P<header>.+?)\s*$
    |["'](?:file_?path|path|file_?name|file|target_file|old_path|new_path)\\*["']\s*:\s*\\*"(?P<value>[^"]+?)\\*"
    |<parameter\ name="(?:file_?path|path|file_?name)">\s*(?P<parameter>[^<\n]+?)\s*</parameter>
    |\b(?:path|file|filename|name)=["'](?P<attribute>[^"'\n]+)["']
    |<(?P<tag>(?:file_?)?path|file_?name|file)>\s*(?P<content>[^<\n]+?)\s*</(?P=tag)>
    |^diff\ --git\ (?:a/)?(?P<git>\S+)\ """,
    re.MULTILINE | re.VERBOSE | re.IGNORECASE,
)
_LONGEST_PATH = 400


def name_above(lines: list[str], at: int, known: Callable[[str], object]) -> str:
    """The file that the lines above a block name, fences and blank lines passed over; "" for none.

    `known` says whether there is a file of a name.
    """
    spoken = 0
    for line in reversed(lines[max(at - 8, 0) : at]):
        opened = opened_fence(line)
        if REPLACE.match(line) or spoken > 1:
            break
        if opened and (named := in_info(line[len(opened) :], known)):
            return named
        if opened or not line.strip():
            continue
        spoken += 1
        path = path_in(line)
        if is_path(path) or known(path):
            return path
        shown = [name for name in shown_names(line) if known(name)]
        if len(shown) == 1:
            return shown[0]
    return ""


def in_info(info: str, known: Callable[[str], object]) -> str:
    """The path behind an opening fence (`python src/app.py`, `py:src/app.py`, `title="app.py"`); "" for none."""
    for word in _SEPARATORS.split(info):
        if (is_path(word) and "/" in word) or (word and known(word)):
            return word
    return ""


def shown_names(line: str) -> list[str]:
    """What a line of prose sets apart from its other words, as file names are."""
    return [first or second for first, second in _SHOWN.findall(line)]


def mentioned(reply: str) -> tuple[str, ...]:
    """All that may be meant as a path in a reply, in order, each in forward slashes."""
    found: dict[str, None] = {}
    for line in dict.fromkeys(without_thinking(reply).split("\n")):
        if "." in line or "/" in line or "\\" in line or ":" in line or line.strip() in _WITHOUT_SUFFIX:
            found.update(
                (path, None) for name in _mentioned(line) if 0 < len(path := path_in(name)) <= _LONGEST_PATH
            )
    return tuple(found)


def _mentioned(line: str) -> Iterator[str]:
    """As they are written there."""
    for match in _NAMED.finditer(line):
        name = next(filter(None, match.group("header", "value", "parameter", "attribute", "content", "git")), "")
        yield name
        if match["header"]:
            # Diffs have `a/` and `b/` before their paths, and a time behind.
            yield re.sub(r"^[ab]/", "", name.partition("\t")[0])
    if len(line) <= _LONGEST_PATH:
        yield from (name for name in (path_in(line),) if is_path(name))
        yield from (name for name in shown_names(line) if is_path(path_in(name)))
        if mark := opened_fence(line):
            yield from (word for word in _SEPARATORS.split(line[len(mark) :]) if is_path(word))


def path_in(line: str) -> str:
    """The path that a line of a reply consists of, without bullet, quotes and colon, in forward slashes.

    A line that is no path comes back as it is, stripped.
    """
    text = line.strip()
    while (rest := _BULLET.sub("", text)) != text:
        text = rest
    text = _REMARK.sub("", text)
    text = text.strip("`*\"' ").rstrip(":").strip("`*\"' ")
    text = text.replace("\\_", "_").replace("\\", "/")
    return _PLACEHOLDER.sub("", text).removeprefix("./")


def is_path(text: str) -> bool:
    """Whether a text, as `path_in` gives it, can only be meant as a file's path."""
    return (_PATH.fullmatch(text) is not None and "://" not in text) or text in _WITHOUT_SUFFIX
