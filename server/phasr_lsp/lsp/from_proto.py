"""From LSP to the domain: what a command's argument asks for, as offsets in a frozen text."""

from pathlib import PurePosixPath
from typing import Any, TypeVar

from cattrs import Converter, transform_error
from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from phasr_lsp.domain.task import TaskRequest
from phasr_lsp.domain.text import FileText, Span
from phasr_lsp.lsp.documents import Documents, TextLines
from phasr_lsp.lsp.protocol import RunParams
from phasr_lsp.lsp.workspace import Workspace

Message = TypeVar("Message")


def argument(converter: Converter, value: Any, message: type[Message]) -> Message:
    """A command's argument as the message it must be. Raises `JsonRpcInvalidParams`."""
    try:
        return converter.structure({} if value is None else value, message)
    except Exception as error:
        problems = "; ".join(transform_error(error))
        raise JsonRpcInvalidParams(f"{message.__name__}: {problems}") from error


def task_request(params: RunParams, workspace: Workspace, documents: Documents) -> TaskRequest:
    """The request, with the file as it is now and the range carried to it from the version it was taken at.

    Raises `TargetError` when the file can't be worked on, `RequestError` when the range is too old.
    """
    file = workspace.read(params.uri)
    document = documents.get(params.uri)
    if document is None:
        start, end = TextLines(file.text, documents.encoding).offsets_at(params.range)
    else:
        place = params.range
        if params.version is not None:
            place = document.moved(place, params.version)
        start, end = document.offsets_at(place)
    return request_for(params, file, Span(start, end))


def request_for(params: RunParams, file: FileText | None = None, selection: Span = Span(0, 0)) -> TaskRequest:
    """The request about `file`; without one, a request that can only be refused."""
    return TaskRequest(
        kind=params.kind,
        file=file or FileText(params.uri, PurePosixPath(params.uri).name, "", ""),
        selection=selection,
        instruction=params.instruction,
        model=params.model,
        diagnostic=params.diagnostic,
    )


def workspace_folders(params: types.InitializeParams) -> list[str]:
    """The URIs of the folders that the editor opened, in its order."""
    if params.workspace_folders:
        return [folder.uri for folder in params.workspace_folders]
    return [params.root_uri] if params.root_uri else []
