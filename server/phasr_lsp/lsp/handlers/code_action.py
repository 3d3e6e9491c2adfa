"""`textDocument/codeAction`: the kinds that fit the place, and what can be done with tasks on the document."""

from collections.abc import Iterator, Sequence
from typing import Any

from lsprotocol import types

from phasr_lsp.domain.kind import Kind, Scope, wish_in
from phasr_lsp.domain.language import Language, language_of
from phasr_lsp.lsp.documents import Document
from phasr_lsp.lsp.protocol import Command, RunParams, TaskParams
from phasr_lsp.lsp.server import PhasrServer
from phasr_lsp.lsp.session import Place, Session

_MOST = 10
"""How many diagnostics, and how many lines of a selection, are looked at."""


def code_action(ls: PhasrServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    """Titles and commands alone: nothing here parses, reads or waits."""
    session = ls.session
    uri = params.text_document.uri
    document = session.documents.get(uri)
    session.last_place = Place(uri, params.range, document.version if document else None)
    only = params.context.only
    actions = [*_kinds(session, document, params), *_tasks(session, uri)]
    return [action for action in actions if _wanted(action.kind, only)]


def _wanted(kind: str | None, only: Sequence[str] | None) -> bool:
    return not only or any(wish == "" or f"{kind}.".startswith(f"{wish}.") for wish in only)


def _kinds(
    session: Session, document: Document | None, params: types.CodeActionParams
) -> Iterator[types.CodeAction]:
    if document is None:
        return
    language = language_of(document.uri, document.language_id, session.settings.languages.values())
    for kind in session.settings.kinds.values():
        if not kind.speaks(language):
            continue
        match kind.scope:
            case Scope.DIAGNOSTIC:
                for diagnostic in params.context.diagnostics[:_MOST]:
                    yield _run(kind, document, diagnostic.range, diagnostic=diagnostic)
            case Scope.COMMENT:
                yield from _comments(kind, document, language, params.range)
            case Scope.DEFINITION | Scope.IMPORTS | Scope.FILE:
                yield _run(kind, document, params.range)


def _comments(
    kind: Kind, document: Document, language: Language | None, place: types.Range
) -> Iterator[types.CodeAction]:
    first = place.start.line
    last = min(place.end.line, first + _MOST, len(document.lines) - 1)
    for number in range(first, last + 1):
        wish = wish_in(document.lines[number].rstrip("\r\n"), language.comment if language else "")
        if wish:
            start = types.Position(number, 0)
            yield _run(kind, document, types.Range(start, start), instruction=wish)


def _run(
    kind: Kind,
    document: Document,
    place: types.Range,
    *,
    diagnostic: types.Diagnostic | None = None,
    instruction: str | None = None,
) -> types.CodeAction:
    arguments = RunParams(
        kind=kind.name,
        uri=document.uri,
        range=place,
        version=document.version,
        instruction=instruction,
        diagnostic=diagnostic.message if diagnostic else None,
    )
    detail = diagnostic.message if diagnostic else instruction
    title = kind.title.replace("{detail}", _short(detail or ""))
    return types.CodeAction(
        title=title,
        kind=kind.code_action,
        diagnostics=[diagnostic] if diagnostic else None,
        command=types.Command(title=title, command=Command.RUN, arguments=[arguments]),
        data={"kind": kind.name},
    )


def _short(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else ""
    return first if len(first) <= 72 else f"{first[:71]}…"


def _tasks(session: Session, uri: str) -> Iterator[types.CodeAction]:
    at_work = session.cancellable()
    for task in at_work:
        if task.request.file.uri == uri:
            yield _command(f"Cancel: {task.title}", Command.CANCEL, task.id)
    if len(at_work) > 1:
        yield _command(f"Cancel all {len(at_work)} tasks", Command.CANCEL_ALL)
    for task in session.waiting():
        changed = task.changes.files if task.changes else ()
        if uri == task.request.file.uri or any(file.uri == uri for file in changed):
            yield _command(f"Apply: {task.title}", Command.APPLY, task.id)
            yield _command(f"Discard: {task.title}", Command.DISCARD, task.id)


def _command(title: str, command: Command, task: str | None = None) -> types.CodeAction:
    arguments: list[Any] | None = [TaskParams(task)] if task else None
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.Refactor,
        command=types.Command(title=title, command=command, arguments=arguments),
        data={"task": task},
    )
