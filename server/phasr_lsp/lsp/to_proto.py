"""From the domain to LSP: edits in the negotiated encoding, task infos, diagnostics."""

from collections.abc import Sequence
from dataclasses import dataclass

from lsprotocol import types

from phasr_lsp.domain.change import Place, minimal_edits
from phasr_lsp.domain.problem import Problem
from phasr_lsp.domain.task import Task
from phasr_lsp.lsp.client import Client
from phasr_lsp.lsp.documents import TextLines
from phasr_lsp.lsp.protocol import TaskInfo

_ANNOTATION = "phasr"


@dataclass(frozen=True)
class Write:
    """A file as it is now, and as it is to become."""

    uri: str
    name: str
    now: str
    """"" for a file that isn't there yet."""
    then: str | None
    """None for a file that is to be deleted."""
    version: int | None
    """The buffer's version; None for a file that isn't open."""
    new: bool = False
    """Whether it has to be made."""
    made: bool = False
    """Whether the server made it just now, empty; an editor shows that as one empty line, which has to go."""
    moved_to: Place | None = None
    """Its new place, which it takes with its new text."""


def workspace_edit(
    writes: Sequence[Write], label: str, client: Client, encoding: types.PositionEncodingKind | str
) -> types.WorkspaceEdit:
    """One edit for all files, of changed lines alone."""
    if not client.document_changes:
        return types.WorkspaceEdit(
            changes={write.uri: [types.TextEdit(*edit) for edit in _edits(write, encoding)] for write in writes}
        )
    annotation = _ANNOTATION if client.annotations else None
    operations: list[types.CreateFile | types.TextDocumentEdit | types.RenameFile | types.DeleteFile] = []
    for write in writes:
        if write.new:
            operations.append(types.CreateFile(write.uri, annotation_id=annotation))
        edits = [
            types.AnnotatedTextEdit(annotation, place, text) if annotation else types.TextEdit(place, text)
            for place, text in _edits(write, encoding)
        ]
        # Renaming and deleting know no version: for a buffer, edits say it, be there any or not.
        if edits or write.new or write.version is not None:
            document = types.OptionalVersionedTextDocumentIdentifier(write.uri, write.version)
            operations.append(types.TextDocumentEdit(document, edits))
        if write.then is None:
            operations.append(types.DeleteFile(write.uri, annotation_id=annotation))
        elif write.moved_to:
            operations.append(types.RenameFile(write.uri, write.moved_to.uri, annotation_id=annotation))
    return types.WorkspaceEdit(
        document_changes=operations,
        change_annotations={annotation: types.ChangeAnnotation(label, needs_confirmation=False)}
        if annotation
        else None,
    )


def _edits(write: Write, encoding: types.PositionEncodingKind | str) -> list[tuple[types.Range, str]]:
    if write.then is None:
        return []
    if write.made:
        return [(types.Range(types.Position(0, 0), types.Position(1, 0)), write.then)]
    lines = TextLines(write.now, encoding)
    return [
        (lines.range_at(edit.span.start, edit.span.end), edit.text)
        for edit in minimal_edits(write.now, write.then)
    ]


def task_info(task: Task, now: float) -> TaskInfo:
    """`now` in seconds on the engine's clock."""
    return TaskInfo(
        task=task.id,
        kind=task.request.kind,
        title=task.title,
        uri=task.request.file.uri,
        state=task.state.value,
        model=task.model,
        seconds=round((now if task.ended is None else task.ended) - task.started, 3),
        message=task.message,
        inputTokens=task.usage.input_tokens if task.usage else None,
        outputTokens=task.usage.output_tokens if task.usage else None,
        cost=float(task.cost) if task.cost is not None else None,
        changed=tuple(file.destination.uri for file in task.changes.files) if task.changes else (),
    )


def diagnostic(problem: Problem, lines: TextLines) -> types.Diagnostic:
    """A mistake in a file of the user's; `lines` is that file's text."""

    def position(line: int, column: int) -> types.Position:
        text = lines.lines[line] if line < len(lines.lines) else ""
        start = TextLines(text, lines.encoding)
        return types.Position(line, start.position_at(column).character)

    place = problem.place
    return types.Diagnostic(
        range=types.Range(position(place.line, place.column), position(place.end_line, place.end_column)),
        message=problem.message,
        severity=types.DiagnosticSeverity.Error,
        source="phasr",
    )
