"""The server: pygls' own with our protocol, and one table that says who handles what.

Nothing that is imported here may import pydantic, the engine or an adapter: `initialize` is answered first, and
`open_session` brings in the rest.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from phasr_lsp import __version__
from phasr_lsp.lsp.client import Client, read_client
from phasr_lsp.lsp.from_proto import workspace_folders
from phasr_lsp.lsp.jsonrpc import MsgId, PhasrProtocol
from phasr_lsp.lsp.protocol import Command, converter

if TYPE_CHECKING:
    from phasr_lsp.lsp.session import Session

OpenSession = Callable[["PhasrServer"], "Session"]
"""Makes the session of an initialized server; called once, after `initialize` was answered."""


class PhasrServer(LanguageServer):
    """Serves one client."""

    protocol: PhasrProtocol  # pyright: ignore[reportIncompatibleVariableOverride]  # as `protocol_cls` says

    def __init__(self, open_session: OpenSession) -> None:
        self.converter = converter()
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            "phasr",
            __version__,
            protocol_cls=PhasrProtocol,
            converter_factory=lambda: self.converter,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
        )
        self.client = Client()
        self.folders: list[str] = []
        """URIs of the folders that were open at the start."""
        self.initialization_options: Any = None
        self._open_session = open_session
        self._session: Session | None = None
        _register(self)

    @property
    def session(self) -> "Session":
        """Opened with its first use."""
        if self._session is None:
            self._session = self._open_session(self)
        return self._session

    async def aclose(self) -> None:
        """Stop what the session does. Safe to call twice."""
        session, self._session = self._session, None
        if session is not None:
            await session.aclose()


def _initialize(ls: PhasrServer, params: types.InitializeParams) -> None:
    ls.client = read_client(params)
    ls.folders = workspace_folders(params)
    ls.initialization_options = params.initialization_options


def _later(module: str, name: str) -> Callable[[PhasrServer, Any], Any]:
    """A handler that is imported with its first call."""

    def handler(ls: PhasrServer, params: Any) -> Any:
        from importlib import import_module

        return getattr(import_module(f"phasr_lsp.lsp.handlers.{module}"), name)(ls, params)

    return handler


_METHODS: dict[str, tuple[Callable[[PhasrServer, Any], Any], Any]] = {
    types.INITIALIZE: (_initialize, None),
    types.INITIALIZED: (_later("life", "initialized"), None),
    types.SHUTDOWN: (_later("life", "shutdown"), None),
    types.TEXT_DOCUMENT_DID_OPEN: (lambda ls, params: None, None),
    types.TEXT_DOCUMENT_DID_CHANGE: (lambda ls, params: None, None),
    types.TEXT_DOCUMENT_DID_CLOSE: (lambda ls, params: None, None),
    types.TEXT_DOCUMENT_DID_SAVE: (_later("life", "did_save"), types.SaveOptions(include_text=False)),
    types.TEXT_DOCUMENT_CODE_ACTION: (
        _later("code_action", "code_action"),
        types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.QuickFix, types.CodeActionKind.Refactor],
            resolve_provider=False,
        ),
    ),
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: (_later("life", "progress_cancel"), None),
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: (_later("life", "did_change_configuration"), None),
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: (_later("life", "did_change_watched_files"), None),
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: (_later("life", "did_change_workspace_folders"), None),
}

_COMMANDS: dict[Command, str] = {
    Command.RUN: "run",
    Command.CANCEL: "cancel",
    Command.CANCEL_ALL: "cancel_all",
    Command.APPLY: "apply",
    Command.DISCARD: "discard",
    Command.STATUS: "status",
    Command.INSTALL_MODEL: "install_model",
}


def _register(server: PhasrServer) -> None:
    for method, (handler, options) in _METHODS.items():
        server.feature(method, options)(_bound(server, handler))
    for command, name in _COMMANDS.items():
        handler = _later("commands", name)
        server.protocol.commands[command.value] = _bound(server, handler)

    def on_cancel(msg_id: MsgId) -> None:
        server.session.cancel_request(msg_id)

    server.protocol.on_cancel = on_cancel


def _bound(server: PhasrServer, handler: Callable[[PhasrServer, Any], Any]) -> Callable[[Any], Any]:
    def call(params: Any = None) -> Any:
        return handler(server, params)

    return call
