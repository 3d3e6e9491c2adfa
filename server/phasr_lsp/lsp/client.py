"""What the editor at the other end can do: its declared capabilities, corrected by what is known of it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, cast

from lsprotocol import types

Create = Literal["edit", "touch", "write"]
"""How a new file comes about; `clients.toml` says what each means."""


@dataclass(frozen=True)
class Client:
    name: str = ""
    document_changes: bool = False
    create: Create = "write"
    rename: bool = False
    """It renames files that an edit says to rename."""
    delete: bool = False
    """It deletes files that an edit says to delete."""
    one_by_one: bool = False
    annotations: bool = False
    progress: bool = False
    show_document: bool = False
    asks: bool = False
    """It declares that it asks the user with buttons; some do and don't declare it."""
    configuration: bool = False
    """It answers `workspace/configuration`."""
    watch_registration: bool = False
    """Watched files can be registered while it runs."""
    task_changed: bool = False
    """It listens for `phasr/taskChanged`."""


def read_client(params: types.InitializeParams) -> Client:
    """The client that sent `initialize`."""
    capabilities = params.capabilities
    workspace = capabilities.workspace or types.WorkspaceClientCapabilities()
    window = capabilities.window or types.WindowClientCapabilities()
    edit = workspace.workspace_edit or types.WorkspaceEditClientCapabilities()
    operations = edit.resource_operations or ()
    watched = workspace.did_change_watched_files
    name = params.client_info.name if params.client_info else ""
    quirks = _quirks(name)
    document_changes = quirks.get("document_changes", bool(edit.document_changes))
    kinds = types.ResourceOperationKind

    def does(operation: types.ResourceOperationKind) -> bool:
        return document_changes and operation in operations

    return Client(
        name=name,
        document_changes=document_changes,
        create=quirks.get("create", "edit" if does(kinds.Create) else "write"),
        rename=does(kinds.Rename),
        delete=quirks.get("delete", does(kinds.Delete)),
        one_by_one=quirks.get("one_by_one", False),
        annotations=edit.change_annotation_support is not None,
        progress=bool(window.work_done_progress),
        show_document=bool(window.show_document and window.show_document.support),
        asks=window.show_message is not None,
        configuration=bool(workspace.configuration),
        watch_registration=bool(watched and watched.dynamic_registration),
        task_changed=_experimental(capabilities.experimental),
    )


def _quirks(name: str) -> dict[str, Any]:
    table = tomllib.loads(resources.files("phasr_lsp.lsp").joinpath("clients.toml").read_text("utf-8"))
    return table.get(name, {})


def _experimental(value: Any) -> bool:
    """`experimental` may be any JSON value."""
    for key in ("phasr", "taskChanged"):
        value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, Mapping) else None
    return value is True
