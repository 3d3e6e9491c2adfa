"""`line_hinted`: search and replace blocks that say at which line they stand, as Roo Code's prompts ask for.

    <<<<<<< SEARCH
    :start_line:12
    -------
    lines that stand in the file
    =======
    lines that take their place
    >>>>>>> REPLACE

The line only decides between places that are equal otherwise.
"""

import re

from phasr_lsp.domain.formats.search_replace import parse

__all__ = ["parse", "written_in"]


def written_in(reply: str) -> bool:
    """Whether a reply looks like this format."""
    return re.search(r"^[ \t]*<{5,9} ?SEARCH>?[ \t]*\n:start_line:", reply, re.MULTILINE) is not None
