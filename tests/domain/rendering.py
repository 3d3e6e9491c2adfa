"""Changes in the words of models: each format as one writes it that makes no fault, in each of its spellings.

None of it knows the parsers. A spelling that can't say a change (a rename as search and replace) gives None.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from itertools import groupby
from typing import cast

from phasr_lsp.domain.change import FileChange
from phasr_lsp.domain.model import EditFormat
from phasr_lsp.domain.text import bare, split_lines

Named = Callable[[str], str]
"""How a model writes the name of a file."""
Write = Callable[[FileChange, Named], str | None]

CONTEXT = 3
"""Lines that stay which are shown on either side of a change."""


@dataclass(frozen=True)
class Spelling:
    """One of the ways in which models write a format."""

    format: EditFormat
    write: Write
    """One file's change; None where it can't be said."""
    join: Callable[[Sequence[str]], str] = "\n".join
    """The changes of several files in one reply."""

    def render(self, changes: Sequence[FileChange], named: Named = str) -> str | None:
        parts = [self.write(change, named) for change in changes]
        return None if None in parts else self.join([part for part in parts if part is not None])


@dataclass(frozen=True)
class Hunk:
    """Lines that stand together, before and after."""

    line: int
    """The first of them before the change, counted from 1."""
    new_line: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    marked: tuple[str, ...]
    """Both in one, each line behind a space, `-` or `+`."""


def lines_of(text: str | None) -> list[str]:
    """The lines as a model gets to see them: no endings, no byte-order mark."""
    return [bare(line) for line in split_lines((text or "").removeprefix("\ufeff"))]


def hunks(change: FileChange, context: int = CONTEXT) -> Iterator[Hunk]:
    """The differences of a file with the lines around them."""
    old, new = lines_of(change.before), lines_of(change.after)
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        (_, first, _, new_first, _), (_, _, last, _, new_last) = group[0], group[-1]
        marked: list[str] = []
        for tag, start, end, new_start, new_end in group:
            if tag == "equal":
                marked += [" " + line for line in old[start:end]]
            else:
                marked += ["-" + line for line in old[start:end]] + [
                    "+" + line for line in new[new_start:new_end]
                ]
        yield Hunk(
            first + 1, new_first + 1, tuple(old[first:last]), tuple(new[new_first:new_last]), tuple(marked)
        )


def fence(text: str, info: str = "", least: int = 3) -> str:
    """A code block whose fence is longer than any in the text."""
    runs = [len(line.strip()) - len(line.strip().lstrip("`")) for line in text.split("\n")]
    mark = "`" * max(least, *(run + 1 for run in runs))
    return f"{mark}{info}\n{text}{mark}\n"


def _text(lines: Sequence[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _only_text(change: FileChange) -> bool:
    """Whether a file is made or edited, and stays where it is."""
    return change.after is not None and not change.moves


# Search and replace.


def _blocks(change: FileChange, named: Named, block: Callable[[Hunk, str], str]) -> str | None:
    if not _only_text(change):
        return None
    return "\n".join(block(hunk, named(change.name)) for hunk in hunks(change))


def _search_replace(hunk: Hunk, name: str, hint: str = "") -> str:
    head = f"{name}\n" if name else ""
    return f"{head}<<<<<<< SEARCH\n{hint}{_text(hunk.old)}=======\n{_text(hunk.new)}>>>>>>> REPLACE\n"


def _in_one_fence(hunk: Hunk, name: str) -> str:
    return fence(_search_replace(hunk, name), least=3)


def _named_above_fence(hunk: Hunk, name: str) -> str:
    return f"{name}\n{fence(_search_replace(hunk, ''), 'python')}"


def _cline(hunk: Hunk, name: str) -> str:
    return f"{name}\n------- SEARCH\n{_text(hunk.old)}=======\n{_text(hunk.new)}+++++++ REPLACE\n"


def _hinted(hunk: Hunk, name: str) -> str:
    return _search_replace(hunk, name, f":start_line:{hunk.line}\n-------\n")


# Whole files.


def _whole_file(change: FileChange, named: Named) -> str | None:
    if not _only_text(change):
        return None
    return f"{named(change.name)}\n{fence(_text(lines_of(change.after)), 'python')}"


def _whole_file_in_info(change: FileChange, named: Named) -> str | None:
    del named
    return fence(_text(lines_of(change.after)), f"python {change.name}") if _only_text(change) else None


def _file_tag(change: FileChange, named: Named) -> str | None:
    del named
    if change.moves:
        return None
    if change.after is None:
        return f'<delete path="{change.name}"/>\n'
    return f'<file path="{change.name}">\n{_text(lines_of(change.after))}</file>\n'


def _edit_tag(change: FileChange, named: Named) -> str | None:
    del named
    if not _only_text(change) or change.before is None:
        return None
    return "".join(
        f'<edit path="{change.name}">\n<search>\n{_text(hunk.old)}</search>\n'
        f"<replace>\n{_text(hunk.new)}</replace>\n</edit>\n"
        for hunk in hunks(change)
    )


def _write_to_file(change: FileChange, named: Named) -> str | None:
    del named
    if not _only_text(change):
        return None
    text = _text(lines_of(change.after))
    return f"<write_to_file>\n<path>{change.name}</path>\n<content>\n{text}</content>\n</write_to_file>\n"


# Diffs and patches.


def _git_diff(change: FileChange, named: Named) -> str:
    """With all that git says, true line numbers included."""
    del named
    old, new = change.name, change.destination.name
    head = f"diff --git a/{old} b/{new}\n"
    if change.moves:
        head += f"rename from {old}\nrename to {new}\n"
    head += "new file mode 100644\n" if change.before is None else ""
    head += "deleted file mode 100644\n" if change.after is None else ""
    found = list(hunks(change))
    if not found:
        return head
    head += f"--- {'/dev/null' if change.before is None else f'a/{old}'}\n"
    head += f"+++ {'/dev/null' if change.after is None else f'b/{new}'}\n"
    return head + "".join(_numbered(hunk, change) for hunk in found)


def _numbered(hunk: Hunk, change: FileChange) -> str:
    places = [
        f"{first - (not lines)},{len(lines)}"
        for first, lines in ((hunk.line, hunk.old), (hunk.new_line, hunk.new))
    ]
    return f"@@ -{places[0]} +{places[1]} @@\n{_ended(hunk, change)}"


def _ended(hunk: Hunk, change: FileChange) -> str:
    """The lines of a hunk, with the remark on a missing final newline."""
    text = ""
    end, new_end = len(lines_of(change.before)), len(lines_of(change.after))
    line, new_line = hunk.line, hunk.new_line
    for marked in hunk.marked:
        text += marked + "\n"
        at_old = marked[0] != "+" and line == end and not (change.before or "").endswith(("\r", "\n"))
        at_new = marked[0] != "-" and new_line == new_end and not (change.after or "").endswith(("\r", "\n"))
        text += "\\ No newline at end of file\n" if at_old or at_new else ""
        line, new_line = line + (marked[0] != "+"), new_line + (marked[0] != "-")
    return text


def _plain_diff(change: FileChange, named: Named) -> str | None:
    """As a model writes it that was told to leave line numbers out."""
    del named
    if change.moves or change.after is None:
        return None
    old = "/dev/null" if change.before is None else change.name
    found = "".join(f"@@ ... @@\n{_text(hunk.marked)}" for hunk in hunks(change))
    return f"--- {old}\n+++ {change.name}\n{found}"


def _as_diff(parts: Sequence[str]) -> str:
    return fence("".join(parts), "diff")


def _patch_section(change: FileChange, named: Named) -> str:
    del named
    if change.after is None:
        return f"*** Delete File: {change.name}\n"
    if change.before is None:
        return f"*** Add File: {change.name}\n" + _text(["+" + line for line in lines_of(change.after)])
    move = f"*** Move to: {change.destination.name}\n" if change.moves else ""
    body = "".join("@@\n" + _text(hunk.marked) for hunk in hunks(change))
    return f"*** Update File: {change.name}\n{move}{body}"


def _as_patch(parts: Sequence[str]) -> str:
    return f"*** Begin Patch\n{''.join(parts)}*** End Patch\n"


def _as_heredoc(parts: Sequence[str]) -> str:
    return fence(f"apply_patch <<'EOF'\n{_as_patch(parts)}EOF\n", "bash")


# Calls of tools.


def _calls(change: FileChange) -> list[dict[str, object]] | None:
    """Name and arguments of each, in the words of Anthropic's editor tool."""
    if not _only_text(change):
        return None
    if not change.before:
        return [_call("create", path=change.name, file_text=_text(lines_of(change.after)))]
    return [
        _call("str_replace", path=change.name, old_str=_text(hunk.old)[:cut], new_str=_text(hunk.new)[:cut])
        for hunk in hunks(change)
        for cut in [-1 if hunk.new else None]
    ]


def _inserting_calls(change: FileChange) -> list[dict[str, object]] | None:
    """Lines that come are inserted, those that go are replaced by nothing: from the end, so that numbers stay."""
    if not _only_text(change) or change.before is None:
        return None
    found: list[dict[str, object]] = []
    for hunk in reversed(list(hunks(change, context=0))):
        if hunk.old:
            found.append(_call("str_replace", path=change.name, old_str=_text(hunk.old), new_str=_text(hunk.new)))
        else:
            found.append(
                _call("insert", path=change.name, insert_line=hunk.line - 1, insert_text=_text(hunk.new))
            )
    return found


def _call(name: str, **arguments: object) -> dict[str, object]:
    return {"name": name, "input": arguments}


def _json_lines(calls: Callable[[FileChange], list[dict[str, object]] | None]) -> Write:
    """A call a line, for `_joined_calls` to put into a list."""

    def write(change: FileChange, named: Named) -> str | None:
        del named
        found = calls(change)
        return None if found is None else "".join(json.dumps(call) + "\n" for call in found)

    return write


def _listed(parts: Sequence[str]) -> list[dict[str, object]]:
    return [json.loads(line) for part in parts for line in part.split("\n") if line]


def _as_json_block(parts: Sequence[str]) -> str:
    return fence(json.dumps(_listed(parts), indent=1) + "\n", "json")


def _as_bare_json(parts: Sequence[str]) -> str:
    return json.dumps(_listed(parts), ensure_ascii=False)


def _as_openai(parts: Sequence[str]) -> str:
    """As the provider's own message has it: arguments are a text that holds JSON."""
    return json.dumps(
        {
            "tool_calls": [
                {"type": "function", "function": {"name": call["name"], "arguments": json.dumps(call["input"])}}
                for call in _listed(parts)
            ]
        }
    )


def _as_hermes(parts: Sequence[str]) -> str:
    """As Qwen and Hermes write it."""
    return "".join(
        f"<tool_call>\n{json.dumps({'name': call['name'], 'arguments': call['input']})}\n</tool_call>\n"
        for call in _listed(parts)
    )


def _invokes(change: FileChange, named: Named) -> str | None:
    """As Claude writes it: the arguments are text between tags, where line ends on both sides are layout."""
    del named
    found = [(str(call["name"]), _arguments(call["input"])) for call in _calls(change) or ()]
    if any(value.startswith("\n") and value.endswith("\n") for _, given in found for value in given.values()):
        return None
    return "".join(f'<invoke name="{name}">\n{_parameters(given)}</invoke>\n' for name, given in found) or None


def _parameters(given: Mapping[str, str]) -> str:
    return "".join(f'<parameter name="{key}">{value}</parameter>\n' for key, value in given.items())


def _arguments(value: object) -> Mapping[str, str]:
    return {str(key): str(each) for key, each in cast("Mapping[object, object]", value).items()}


# What nobody asked for.


_REST = "# ... existing code ...\n"


def _lazy(change: FileChange, named: Named) -> str | None:
    """The changed statements alone, and a comment for every run of others.

    A new statement has the one above it for company; how to say that one goes isn't agreed on.
    """
    if not _only_text(change) or change.before is None:
        return None
    old, new = _statements(change.before), _statements(change.after or "")
    shown: set[int] = set()
    for tag, _, _, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "delete":
            return None
        if tag != "equal":
            shown |= set(range(start - (tag == "insert" and start > 0), end))
    text = ""
    for is_shown, run in groupby(enumerate(new), lambda item: item[0] in shown):
        statements = [statement for _, statement in run]
        below = len(statements[-1]) - len(statements[-1].rstrip("\n")) - 1
        text += "".join(statements) if is_shown else _REST + "\n" * below
    return f"{named(change.name)}\n{fence(text, 'python')}" if _REST in text else None


def _statements(text: str) -> list[str]:
    """What stands at the margin, with all that is indented below it and the blank lines behind."""
    found: list[str] = []
    for line in lines_of(text):
        if not found or (line and not line[0].isspace()):
            found.append("")
        found[-1] += line + "\n"
    return found


def _lazy_lines(change: FileChange, named: Named) -> str | None:
    """The changed places with three lines around them, wherever these begin and end."""
    if not _only_text(change) or change.before is None:
        return None
    found = list(hunks(change))
    text = _REST.join(_text(hunk.new) for hunk in found)
    head = _REST if found[0].line > 1 else ""
    tail = _REST if found[-1].line + len(found[-1].old) <= len(lines_of(change.before)) else ""
    text = head + text + tail
    return f"{named(change.name)}\n{fence(text)}" if _REST in text else None


SPELLINGS: Mapping[str, Spelling] = {
    "search_replace": Spelling(EditFormat.SEARCH_REPLACE, partial(_blocks, block=_search_replace)),
    "search_replace, name above the fence": Spelling(
        EditFormat.SEARCH_REPLACE, partial(_blocks, block=_named_above_fence)
    ),
    "search_replace by Cline": Spelling(EditFormat.SEARCH_REPLACE, partial(_blocks, block=_cline)),
    "search_replace_fenced": Spelling(EditFormat.SEARCH_REPLACE_FENCED, partial(_blocks, block=_in_one_fence)),
    "line_hinted": Spelling(EditFormat.LINE_HINTED, partial(_blocks, block=_hinted)),
    "whole_file": Spelling(EditFormat.WHOLE_FILE, _whole_file),
    "whole_file, name behind the fence": Spelling(EditFormat.WHOLE_FILE, _whole_file_in_info),
    "tagged": Spelling(EditFormat.TAGGED, _file_tag),
    "tagged, edits": Spelling(EditFormat.TAGGED, _edit_tag),
    "tagged by Cline": Spelling(EditFormat.TAGGED, _write_to_file),
    "unified_diff": Spelling(EditFormat.UNIFIED_DIFF, _plain_diff, _as_diff),
    "unified_diff by git": Spelling(EditFormat.UNIFIED_DIFF, _git_diff, _as_diff),
    "unified_diff by git, bare": Spelling(EditFormat.UNIFIED_DIFF, _git_diff, "".join),
    "apply_patch": Spelling(EditFormat.APPLY_PATCH, _patch_section, _as_patch),
    "apply_patch, heredoc": Spelling(EditFormat.APPLY_PATCH, _patch_section, _as_heredoc),
    "tool_calls": Spelling(EditFormat.TOOL_CALLS, _json_lines(_calls), _as_json_block),
    "tool_calls, inserting": Spelling(EditFormat.TOOL_CALLS, _json_lines(_inserting_calls), _as_json_block),
    "tool_calls, bare": Spelling(EditFormat.TOOL_CALLS, _json_lines(_calls), _as_bare_json),
    "tool_calls by OpenAI": Spelling(EditFormat.TOOL_CALLS, _json_lines(_calls), _as_openai),
    "tool_calls by Hermes": Spelling(EditFormat.TOOL_CALLS, _json_lines(_calls), _as_hermes),
    "tool_calls by Claude": Spelling(EditFormat.TOOL_CALLS, _invokes),
    "lazy": Spelling(EditFormat.LAZY, _lazy),
    "lazy, lines": Spelling(EditFormat.LAZY, _lazy_lines),
}
"""All but `region`, which speaks of a place and of no file: that is a code block, `fence`."""
