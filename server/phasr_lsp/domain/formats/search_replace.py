"""`search_replace`: blocks of the text to find and the text to put there. Most strong models write it best.

A block is a line with the file's name, then

    <<<<<<< SEARCH
    lines that stand in the file
    =======
    lines that take their place
    >>>>>>> REPLACE

The markers are read with three to twelve characters, in Cline's spelling (`------- SEARCH`, `+++++++ REPLACE`),
escaped as Roo Code wants those that belong to the file (`\\=======`), and with the line hints of its prompts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats.draft import Draft, Page
from phasr_lsp.domain.formats.marks import DIVIDER, HINT, RULE
from phasr_lsp.domain.formats.names import name_above
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.formats.thoughts import without_thinking
from phasr_lsp.domain.matching import Match, locate

_MARK = re.compile(
    r"^[^\S\n]*(?:(?P<sign>[<-])(?P=sign){2,11} ?(?:SEARCH|ORIGINAL)>?:?"
    r"|(?P<end>[>+])(?P=end){2,11} ?(?:REPLACE|UPDATED)>?)[^\S\n]*$",
    re.MULTILINE,
)
_ENDING = {"<": ">", "-": "+"}
"""How the line begins that ends a block, by how the one begins that begins it."""
_ESCAPED = re.compile(r"^\\(?=(?:<{5,}|-{5,}|={5,}|>{5,}|\+{5,}|:(?:start|end)_line:))")
_MOST_DIVIDERS = 8
"""Lines of equal signs in one block, each of which takes a look at the file."""
_NUMBERED = re.compile(r"^\s*\d+ \| ?")


@dataclass(frozen=True)
class _Block:
    file: str
    """"" for the target."""
    body: tuple[str, ...]
    """The lines between the markers."""
    dividers: tuple[int, ...]
    """Indexes in the body of the lines that may part SEARCH from REPLACE; more than one where the text itself
    has lines of equal signs."""
    line: int | None
    """The line, counted from 1, at which the model says that it stands."""
    clines: bool
    """Whether its markers are Cline's: there an empty SEARCH stands for the whole file."""


def written_in(reply: str) -> bool:
    """Whether a reply looks like this format."""
    begins = ends = False
    for mark in _MARK.finditer(reply):
        begins, ends = begins or bool(mark["sign"]), ends or bool(mark["end"])
        if begins and ends:
            return True
    return False


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """All blocks of the reply, made in order."""
    draft = Draft(files)
    blocks = _blocks(without_thinking(reply), draft)
    for block in dict.fromkeys(blocks):
        if not draft.hopeless:
            _make(block, draft)
    if not blocks and not draft.failed:
        draft.fail("The answer holds no SEARCH/REPLACE block.")
    return draft.result()


def _blocks(text: str, draft: Draft) -> list[_Block]:
    """The complete blocks; what is wrong with the others is noted in the draft."""
    blocks: list[_Block] = []
    ends, stray = _ends(text)
    lines = text.split("\n")
    if stray:
        draft.fail("A REPLACE marker ends no block: write each block with its own markers.")
    last = next(reversed(ends), None)
    name = ""
    for start, end in ends.items():
        name = name_above(lines, start, draft.files.named) or name
        if end is None:
            if start != last:
                draft.fail("A SEARCH block begins inside another one; each must end with its REPLACE marker.")
            else:
                draft.cut_off()
            continue
        body, line = _without_hints(lines[start + 1 : end])
        dividers = tuple(index for index, text in enumerate(body) if "=====" in text and DIVIDER.match(text))
        if dividers:
            clines = lines[start].lstrip().startswith("-")
            blocks.append(_Block(name, tuple(_unescaped(text) for text in body), dividers, line, clines))
        else:
            draft.fail(f"A SEARCH block has no line of equal signs in it:\n{_quoted(body)}")
    return blocks


def _ends(text: str) -> tuple[dict[int, int | None], bool]:
    """By the index of each line that begins a block in no other one, in order, that of the line which ends it.

    The flag says whether a line ends none.

    A block ends with the marker of its own kind, since the other may be a line of the text; only where that
    leaves something over, any marker will do.
    """
    marks = list(_marks(text))
    ends, stray = _pairs(marks, mixed=False)
    if stray or None in ends.values():
        mixed, none_over = _pairs(marks, mixed=True)
        if None not in mixed.values() and not none_over:
            return _outermost(mixed), False
    return _outermost(ends), stray


def _outermost(ends: Mapping[int, int | None]) -> dict[int, int | None]:
    outermost: dict[int, int | None] = {}
    behind = 0
    for start, end in ends.items():
        if start >= behind:
            outermost[start] = end
            behind = (start if end is None else end) + 1
    return outermost


def _marks(text: str) -> Iterator[tuple[int, str]]:
    """The index of each line that is a marker, and with what character it begins."""
    line = at = 0
    for mark in _MARK.finditer(text):
        line, at = line + text.count("\n", at, mark.start()), mark.start()
        yield line, mark["sign"] or mark["end"]


def _pairs(marks: Sequence[tuple[int, str]], *, mixed: bool) -> tuple[dict[int, int | None], bool]:
    """As `_ends`, for all blocks. Where the text of a file has markers itself, they pair up within the block."""
    ends: dict[int, int | None] = {}
    open_blocks: list[tuple[int, str]] = []
    stray = False
    for at, sign in marks:
        if sign in _ENDING:
            ends[at] = None
            open_blocks.append((at, sign))
        elif not open_blocks:
            stray = True
        elif mixed or _ENDING[open_blocks[-1][1]] == sign:
            ends[open_blocks.pop()[0]] = at
    return ends, stray


def _without_hints(body: list[str]) -> tuple[list[str], int | None]:
    line: int | None = None
    at = 0
    while at < len(body) and (hint := HINT.match(body[at])):
        line = int(hint["line"]) if hint["end"] == "start" else line
        at += 1
    if at < len(body) and (at or line) and RULE.match(body[at]):
        at += 1
    return body[at:], line


def _unescaped(line: str) -> str:
    return _ESCAPED.sub("", line) if line.startswith("\\") else line


def _make(block: _Block, draft: Draft) -> None:
    """Make the edit of one block in the draft."""
    first = block.dividers[0]
    # Where a block without a SEARCH has a place of its own, blank lines in it are a text like any other.
    placed = block.clines or block.line is not None
    empty = not _filled(block.body[:first]) and not (first and placed)
    if empty and not _holds_another(block, draft):
        _create(block, block.body[first + 1 :], draft)
        return
    page = draft.open(block.file)
    if page is None:
        return
    parts = None if empty else _parted(block, page)
    if parts is None:
        draft.fail(
            "A block holds several lines of equal signs, and which of them parts SEARCH from REPLACE can't be "
            f"told; leave those of the file out of it:\n{_quoted(block.body)}"
        )
        return
    search, replace = _unnumbered(page, *parts)
    draft.replace(page, search, replace, near=None if block.line is None else block.line - 1)


def _holds_another(block: _Block, draft: Draft) -> bool:
    """Whether a block with nothing before its first divider has a text of the file before another one."""
    file = draft.files.named(block.file) if block.file else draft.files.target
    if file is None or len(block.dividers) == 1:
        return False
    lines = draft.page(file).lines
    searches = (block.body[:at] for at in block.dividers[1:_MOST_DIVIDERS])
    return any(isinstance(locate(lines, search), Match) for search in searches)


def _create(block: _Block, replace: Sequence[str], draft: Draft) -> None:
    """A block without a SEARCH: a new file, or lines for the place that is named otherwise."""
    files = draft.files
    file = draft.created(block.file)
    if file is None:
        return
    page = draft.page(file)
    line = block.line if block.line is not None else files.line if file is files.target else None
    if not page.exists or page.blank or block.clines:
        draft.write(file, "\n".join([*replace, ""]))
    elif line is not None:
        draft.insert(page, max(line - 1, 0), replace)
    elif file is files.target and files.region and files.region.empty:
        draft.insert(page, file.text.count("\n", 0, files.region.start), replace)
    else:
        draft.fail(f"A SEARCH is empty, but `{file.name}` isn't: name the lines to change.")


def _parted(block: _Block, page: Page) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """SEARCH and REPLACE; None where several lines could part them."""
    if len(block.dividers) > _MOST_DIVIDERS:
        return None
    splits = [(block.body[:at], block.body[at + 1 :]) for at in block.dividers]
    if len(splits) > 1:
        splits = [split for split in splits if isinstance(locate(page.lines, split[0]), Match)]
    return splits[0] if len(splits) == 1 else None


def _unnumbered(
    page: Page, search: tuple[str, ...], replace: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Both without the line numbers that a model copied from what it was shown."""
    if not all(_NUMBERED.match(line) for line in search) or isinstance(locate(page.lines, search), Match):
        return search, replace
    if all(_NUMBERED.match(line) for line in replace):
        replace = tuple(_NUMBERED.sub("", line) for line in replace)
    return tuple(_NUMBERED.sub("", line) for line in search), replace


def _filled(lines: Sequence[str]) -> bool:
    return any(line.strip() for line in lines)


def _quoted(lines: Sequence[str]) -> str:
    return "".join(f"| {line}\n" for line in lines)
