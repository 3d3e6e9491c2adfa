"""`lazy`: code with parts left out, or one changed definition alone, which nobody asked for and chat-tuned models
write nevertheless."""

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats.draft import Draft
from phasr_lsp.domain.formats.fences import Fence, Fences, fences
from phasr_lsp.domain.formats.filling.fill import Unfilled, filled
from phasr_lsp.domain.formats.filling.markers import is_marker
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.formats.thoughts import without_thinking
from phasr_lsp.domain.formats.whole_file import blocks_by_file
from phasr_lsp.domain.matching import Rung


def written_in(reply: str) -> bool:
    """Whether a reply looks like this format."""
    return any(is_marker(line) for block in fences(reply) for line in block.text.split("\n"))


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """Every code block that is for a file; a reply without any is code itself."""
    draft = Draft(files)
    found = fences(reply)
    spoken = without_thinking(reply)
    if not found.closed and not found.open and spoken.strip():
        found = Fences((Fence("", spoken, 0, 0, 0, len(spoken)),), None)
    for block, file in blocks_by_file(found, draft, lambda name, text: draft.named(name)):
        if not file.exists:
            draft.write(file, block.text)
            continue
        whole = filled(draft.text_of(file), block.text)
        if whole == draft.text_of(file):
            whole = Unfilled("It isn't clear what is to change.")
        if isinstance(whole, Unfilled):
            draft.fail(f"The code for `{file.name}` can't be merged into the file: {whole.reason}")
        else:
            draft.write(file, whole, Rung.ELISION)
    return draft.result()
