"""`apply_patch`: OpenAI's patch text, which its models are trained on.

    *** Begin Patch
    *** Update File: src/app.py
    @@ def main():
     a line that stays
    -a line that goes
    +a line that comes
    *** Add File: notes.md
    +the first line
    *** Delete File: old.py
    *** End Patch

A heading (`@@ def main():`) leads to its hunk, `*** Move to:` renames, `*** End of File` ties a hunk to the end.
"""

import re
from dataclasses import dataclass, field

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats import hunks
from phasr_lsp.domain.formats.draft import Draft
from phasr_lsp.domain.formats.hunks import Hunk
from phasr_lsp.domain.formats.marks import BEGIN_PATCH, END_PATCH, SECTION
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.formats.thoughts import without_thinking

_MOVE = re.compile(r"^\s*\*\*\* Move to: *(?P<path>.*?)\s*$")
_END_OF_FILE = re.compile(r"^\*\*\* End of File\s*$")
_FENCE = re.compile(r"^\s*(?:`{3,}|~{3,})")


@dataclass
class _Section:
    verb: str
    path: str
    move_to: str = ""
    lines: list[str] = field(default_factory=list[str])


def written_in(reply: str) -> bool:
    """Whether a reply looks like this format."""
    return (
        re.search(r"^[ \t]*\*\*\* (?:Begin Patch|(?:Update|Add|Delete) File: )", reply, re.MULTILINE) is not None
    )


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """All sections of the patch."""
    draft = Draft(files)
    sections, ended = _sections(without_thinking(reply).split("\n"))
    for section in sections:
        _make(section, draft)
    if not sections:
        draft.fail("The answer holds no patch with a file in it.")
    if not ended:
        draft.cut_off()
    return draft.result()


def _sections(lines: list[str]) -> tuple[list[_Section], bool]:
    """The sections, and whether the patch ends as it should: one that begins has an end.

    Markers may be indented where no hunk is open; within one, a space before them makes them lines of the file.
    """
    sections: list[_Section] = []
    begun = ended = False
    last = max((at for at, line in enumerate(lines) if "***" in line and END_PATCH.match(line)), default=-1)
    for at, line in enumerate(lines):
        in_hunk = bool(sections and sections[-1].lines) and not ended
        marker = "***" in line and (not (in_hunk and line.startswith(" ")) or at == last)
        if marker and BEGIN_PATCH.match(line):
            begun, ended = True, False
        elif marker and END_PATCH.match(line):
            ended = True
        elif marker and (section := SECTION.match(line)):
            sections.append(_Section(section["verb"], section["path"]))
            ended = False
        elif sections and not ended:
            move = _MOVE.match(line) if marker else None
            if move:
                sections[-1].move_to = move["path"]
            elif _FENCE.match(line) and not begun:
                ended = True
            else:
                sections[-1].lines.append(line)
    return sections, ended or not begun


def _make(section: _Section, draft: Draft) -> None:
    match section.verb:
        case "Update":
            _update(section, draft)
        case "Add":
            _add(section, draft)
        case "Delete":
            page = draft.open(section.path)
            if page:
                draft.remove(page)
        case _:
            draft.fail(f"A patch updates, adds or deletes files; `*** {section.verb} File:` is none of these.")


def _add(section: _Section, draft: Draft) -> None:
    file = draft.files.new(section.path)
    lines = section.lines
    while lines and not lines[-1].strip():
        lines.pop()
    if file is None:
        draft.fail(draft.files.missing(section.path))
    elif any(line and not line.startswith("+") for line in lines):
        draft.fail(f"Every line of the new file `{file.name}` must begin with `+`.")
    else:
        draft.write(file, "".join(f"{line[1:]}\n" for line in lines))


def _update(section: _Section, draft: Draft) -> None:
    page = draft.open(section.path)
    found = _hunks(section.lines)
    if page is None:
        return
    if not found and not section.move_to:
        draft.fail(f"The patch changes nothing in `{page.name}`: it has no hunk.")
        return
    hunks.apply(found, page, draft)
    if section.move_to:
        draft.move(page, section.move_to)


def _hunks(lines: list[str]) -> list[Hunk]:
    found: list[Hunk] = []
    headings: list[str] = []
    body: list[str] = []

    def close(*, at_end: bool = False) -> None:
        while body and not body[-1]:
            body.pop()
        if body:
            found.append(Hunk(tuple(body), headings=tuple(filter(None, headings)), at_end=at_end))
            headings.clear()
            body.clear()

    for line in lines:
        if line.startswith("@@"):
            close()
            headings.append(hunks.heading_of(line))
        elif _END_OF_FILE.match(line):
            close(at_end=True)
        else:
            body.append(line)
    close()
    return found
