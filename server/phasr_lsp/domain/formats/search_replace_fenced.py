"""`search_replace_fenced`: search and replace blocks with the file's name inside the fence, as Gemini has it."""

import re

from phasr_lsp.domain.formats.search_replace import parse

__all__ = ["parse", "written_in"]


def written_in(reply: str) -> bool:
    """Whether a reply looks like this format."""
    return re.search(r"^[ \t]*(?:`{3,}|~{3,})\S*\n\S+\n[ \t]*<{5,9} ?SEARCH", reply, re.MULTILINE) is not None
