"""How models write edits: one module for each format, each `parse(reply, files) -> ChangeSet | Malformed`.

Pure and synchronous; a parser raises nothing, whatever the reply holds. It will never know which model wrote it.
"""

from collections.abc import Callable, Mapping

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats import region, search_replace, whole_file
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.model import EditFormat

PARSERS: Mapping[EditFormat, Callable[[str, Files], ChangeSet | Malformed]] = {
    EditFormat.REGION: region.parse,
    EditFormat.WHOLE_FILE: whole_file.parse,
    EditFormat.SEARCH_REPLACE: search_replace.parse,
}

__all__ = ["PARSERS", "Files", "Malformed"]
