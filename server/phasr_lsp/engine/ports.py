"""What the engine needs from the outside: small Protocols, implemented under `adapters/` and `lsp/`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.model import EditFormat, ModelRequest, Reply
from phasr_lsp.domain.outcome import Outcome
from phasr_lsp.domain.text import FileText, Lookup, Span

OnText = Callable[[str], None]
"""Called on the event loop with each piece of a reply as it arrives, and with `ANEW` before the first."""


class Gateway(Protocol):
    """The one way to a model."""

    async def complete(self, request: ModelRequest, on_text: OnText | None = None) -> Reply:
        """Ask once and return the whole reply; transport faults are retried inside.

        The reply is streamed only when `on_text` is given, since a chunk costs 0.7 ms of CPU.
        Cancelling the awaiting task closes the connection and drops queued retries.

        Raises a `ModelError`.
        """
        ...

    async def aclose(self) -> None:
        """Close connections and stop what was started. Safe to call twice."""
        ...


@dataclass(frozen=True)
class Definition:
    """A function, method or type in a text."""

    name: str
    """"" where the language gives it none."""
    span: Span
    """Whole lines, decorators and `export` included."""
    top: str = ""
    """The name of the outermost definition around it, which may be itself: what a test imports."""


class Syntax(Protocol):
    """What a parser knows of a text."""

    def definition_at(self, file: FileText, span: Span) -> Definition | None: ...

    def definitions(self, file: FileText) -> tuple[Definition, ...]:
        """In the order in which they begin, outer ones first."""
        ...

    def imports(self, file: FileText) -> Span: ...

    def import_statements(self, file: FileText) -> tuple[Span, ...]:
        """All of them at the top level, as whole lines, wherever they stand."""
        ...

    def first_error(self, file: FileText) -> int | None: ...

    def code(self, file: FileText) -> tuple[str, ...]:
        """The tokens, comments and docstrings left out."""
        ...


class Files(Protocol):
    """The workspace as its user sees it at this moment: open buffers first, then the disk."""

    def read(self, uri: str) -> FileText:
        """Raises `TargetError` for what can't be worked on."""
        ...

    def sibling(self, uri: str, name: str) -> FileText:
        """The file `name`, relative to the workspace folder that holds `uri`; it needn't exist yet.

        Raises `TargetError` when it may not be written.
        """
        ...

    async def lookup(self, uri: str, names: Sequence[str]) -> Mapping[str, Lookup]:
        """As `sibling` for each of the names, off the event loop, for a reply may hold many."""
        ...

    def names(self, uri: str) -> frozenset[str]:
        """The files where a test of the document may stand: those beside it and in the test folders around it.

        Relative to the workspace folder that holds `uri`; none where no folder is open.
        """
        ...


class Editor(Protocol):
    """What carries a result to the user."""

    async def apply(self, label: str, changes: ChangeSet) -> None:
        """Merge the changes onto the text as it is now and have the editor apply them.

        Raises `Conflict` when the text clashes with them (nothing is written then), `EditorRefused` when the
        editor doesn't carry them out, `TargetError` when a file can't be written.
        """
        ...

    async def review(self, task: str, label: str, changes: ChangeSet) -> None:
        """Show the changes and let the user decide; the decision comes as a command of its own."""
        ...


class Record(Protocol):
    """Remembers how well models keep to the formats that they are asked for."""

    def count(self, model: str, asked: EditFormat, outcome: Outcome) -> None:
        """Add one reply of a model, which is named in the provider's spelling.

        Returns at once and raises nothing: what can't be counted is logged.
        """
        ...

    def close(self) -> None:
        """Wait until everything is kept; nothing is counted afterwards."""
        ...
