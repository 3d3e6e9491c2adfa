"""What a `.phasrignore` names, read as git reads its `.gitignore`; one at the top of a workspace folder.

https://git-scm.com/docs/gitignore has the rules.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True)
class _Rule:
    line: str
    parts: tuple[str, ...]
    """Globs for the parts of a path; `**` for any number of them."""
    keeps: bool
    """Whether it takes back what rules above it say."""
    folders_only: bool


def ignoring_rule(name: str, rules: str) -> str | None:
    """The line of `rules` because of which the file is ignored; None if it isn't.

    `name` is relative to the folder of the rules, with forward slashes.
    """
    parsed = list(_parsed(rules))
    parts = name.split("/")
    for size in range(1, len(parts) + 1):
        is_folder = size < len(parts)
        matching = (
            rule
            for rule in reversed(parsed)
            if (is_folder or not rule.folders_only) and _matches(rule.parts, parts[:size])
        )
        rule = next(matching, None)
        if rule and not rule.keeps:
            return rule.line
    return None


def _parsed(rules: str) -> Iterator[_Rule]:
    for line in rules.removeprefix("\ufeff").splitlines():
        pattern = re.sub(r"(?<!\\) +$", "", line)
        if not pattern or pattern.startswith("#"):
            continue
        keeps = pattern.startswith("!")
        pattern = pattern.removeprefix("!")
        bare = pattern.removesuffix("/")
        parts = [_glob(part) for part in bare.removeprefix("/").split("/")]
        anywhere = "/" not in bare
        yield _Rule(line, ("**", *parts) if anywhere else tuple(parts), keeps, pattern != bare)


def _glob(part: str) -> str:
    """One part in the spelling of `fnmatch`, which knows neither `\\` nor `[^`."""
    if part == "**":
        return part
    return _ESCAPED.sub(lambda found: f"[{found[1]}]", part).replace("[^", "[!")


def _matches(globs: Sequence[str], parts: Sequence[str]) -> bool:
    """In time that grows with the product of the lengths, whatever the globs are."""
    glob = part = retry = 0
    stars = -1
    while part < len(parts):
        if glob < len(globs) and globs[glob] == "**":
            stars, retry, glob = glob, part, glob + 1
        elif glob < len(globs) and fnmatchcase(parts[part], globs[glob]):
            glob, part = glob + 1, part + 1
        elif stars >= 0:
            retry += 1
            glob, part = stars + 1, retry
        else:
            return False
    return glob == len(globs)
