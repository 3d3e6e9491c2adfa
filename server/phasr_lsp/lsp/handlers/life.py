"""Start, configuration and end of a session."""

from typing import Any, cast

from lsprotocol import types

from phasr_lsp.lsp.server import PhasrServer
from phasr_lsp.lsp.workspace import path_of, uri_of


def initialized(ls: PhasrServer, params: types.InitializedParams) -> None:
    session = ls.session
    if ls.client.configuration:
        session.spawn(session.pull_configuration())
    if ls.client.watch_registration:
        session.spawn(session.watch_configuration())


def did_change_configuration(ls: PhasrServer, params: types.DidChangeConfigurationParams) -> None:
    session = ls.session
    if ls.client.configuration:
        session.spawn(session.pull_configuration())
        return
    settings = _object(params.settings)
    session.configure(_object(settings.get("phasr", settings)))


def _object(value: object) -> dict[str, Any]:
    """The JSON object, or an empty one for any other value."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def did_change_watched_files(ls: PhasrServer, params: types.DidChangeWatchedFilesParams) -> None:
    _reload_for(ls, [change.uri for change in params.changes])


def did_save(ls: PhasrServer, params: types.DidSaveTextDocumentParams) -> None:
    _reload_for(ls, [params.text_document.uri])


def did_change_workspace_folders(ls: PhasrServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    session = ls.session
    removed = {path_of(folder.uri) for folder in params.event.removed}
    kept = [path for path in session.workspace.folders if path not in removed]
    session.set_folders([*map(uri_of, kept), *(folder.uri for folder in params.event.added)])


def progress_cancel(ls: PhasrServer, params: types.WorkDoneProgressCancelParams) -> None:
    ls.session.cancel_progress(params.token)


def shutdown(ls: PhasrServer, params: None) -> None:
    session = ls.session
    for task in session.cancellable():
        session.fleet.cancel(task.id)


def _reload_for(ls: PhasrServer, uris: list[str]) -> None:
    paths = [path for path in map(path_of, uris) if path]
    if any(ls.session.settings.concerns(path) for path in paths):
        ls.session.reload()
