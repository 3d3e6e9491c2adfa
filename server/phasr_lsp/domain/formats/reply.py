"""What a reply may change, and what becomes of one that can't be used."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats.names import path_in
from phasr_lsp.domain.text import FileText, Span


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

    line: int | None = None
    """The line of the target, counted from 1, that the task is about; it decides between places that are equal
    otherwise."""
    root: str = ""
    """An absolute path that stands for the workspace in replies; "" where none does."""
    sole: bool = False
    """Whether a reply is for the target whatever file it names: a tool call has named it beside the reply."""
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    """By name: why a file may not be touched."""
    made_up: frozenset[str] = frozenset()
    """Names in folders that don't exist, of which exactly one file that does has the last part."""

    @property
    def known(self) -> Mapping[str, FileText]:
        return {**self.others, self.target.name: self.target} if self.target.name else self.others

    def named(self, name: str) -> FileText | None:
        """The file that a reply means by `name`, whatever marks stand around it.

        A workspace prefix in front and a missing folder are forgiven where exactly one file fits then.
        """
        wish = self.relative(name)
        known = self.known
        if wish in self.refused:
            return None
        if wish in known and known[wish].exists:
            return known[wish]
        # A file at the top of the workspace is meant by a longer path only if that one is absolute or its folder
        # made up: of two relative paths with the same last part each is a file of its own.
        absolute = not self.root and re.match(r"/|[A-Za-z]:/|~/", wish) is not None
        made_up = wish in self.made_up
        fitting = [
            file
            for key, file in known.items()
            if key != wish
            and file.exists
            and (
                key.endswith("/" + wish)
                or (absolute and wish.endswith("/" + key))
                or (made_up and _last(key) == _last(wish))
            )
        ]
        return fitting[0] if len(fitting) == 1 else known.get(wish)

    def alike(self, name: str) -> FileText | None:
        """The one file that exists with the same last part as `name`; None where there are several."""
        wish = self.relative(name)
        if wish in self.refused:
            return None
        fitting = [file for key, file in self.known.items() if file.exists and _last(key) == _last(wish)]
        return fitting[0] if len(fitting) == 1 else None

    def new(self, name: str) -> FileText | None:
        """The file of exactly that name, whether or not it exists."""
        return self.known.get(self.relative(name))

    def relative(self, name: str) -> str:
        """The path that is meant by `name`, from the workspace's top where it is absolute and within."""
        path = path_in(name)
        return path.removeprefix(self.root.rstrip("/") + "/") if self.root else path

    def missing(self, name: str) -> str:
        """Why there is no file of that name to work on, for the model."""
        wish = self.relative(name)
        if wish in self.refused:
            return f"`{wish}` may not be changed: {self.refused[wish].rstrip('.')}."
        return f"`{wish}` is none of the files that may be changed."


def _last(name: str) -> str:
    return name.rpartition("/")[2]


@dataclass(frozen=True)
class Malformed:
    """A reply that can't be used as it is, with what the model is told about it."""

    reason: str
    """What failed, each part of it on its own, with the lines that it is about."""
    kept: ChangeSet = field(default_factory=ChangeSet)
    """The edits of the reply that could be placed; they needn't be sent again."""
    truncated: bool = False
    """Whether the reply ends in the middle of an edit."""
