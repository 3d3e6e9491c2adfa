"""The smallest server that pygls can be: the same wire, the same synced buffers, and nothing to do."""

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("smallest", "1", text_document_sync_kind=types.TextDocumentSyncKind.Incremental)


@server.feature(types.TEXT_DOCUMENT_CODE_ACTION)
def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
    return []


if __name__ == "__main__":
    server.start_io()
