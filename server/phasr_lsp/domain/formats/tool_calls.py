"""`tool_calls`: edits as calls of tools with JSON arguments, in the words of every tool that models know.

A call is `{"name": ..., "input": {...}}` or one of its spellings (`arguments`, `parameters`, OpenAI's
`function`), alone, in a list, in a code block, in `<tool_call>` or as `<invoke name="...">` with parameters.
What a call does is told by its arguments: a text to find and one to put there (it needn't be whole lines, and
stands once unless all places are meant), a text to insert behind a line, or the whole text of a file.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import cast

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats import apply_patch, search_replace, unified_diff
from phasr_lsp.domain.formats.draft import Draft
from phasr_lsp.domain.formats.fences import fences
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.formats.thoughts import without_thinking
from phasr_lsp.domain.text import split_lines, to_lf

PATH = (
    "file_path",
    "path",
    "filePath",
    "filename",
    "file_name",
    "file",
    "target_file",
    "relative_path",
    "filepath",
)
OLD = ("old_string", "old_str", "oldString", "old_text", "oldText", "old", "search", "find", "original")
NEW = ("new_string", "new_str", "newString", "new_text", "newText", "new", "replace", "replacement", "updated")
TEXT = ("content", "file_text", "contents", "text", "code", "new_content", "fileText")
_EVERY = ("replace_all", "replaceAll", "allow_multiple", "allowMultiple")
_LINE = ("insert_line", "insertLine", "after_line", "line")
INSERTED = ("new_str", "insert_text", "text", "content", "new_string")
_PATCH = ("patch", "diff", "patchText", "input")
_ARGUMENTS = ("input", "arguments", "parameters", "args")
_NAME = ("name", "tool", "tool_name", "recipient_name")
_READING = re.compile(
    r"view|read|list|ls\b|grep|glob|search_file|bash|shell|run|execute|think|fetch|todo", re.IGNORECASE
)
_INVOKED = re.compile(r"<invoke name=\"(?P<name>[^\"]+)\">")
_PARAMETER = re.compile(r"<parameter name=\"(?P<name>[^\"]+)\"[^>]*>")
_BEHIND_INVOKE = re.compile(r"\s*(?:<invoke|</|\Z|\n)")
_BEHIND_PARAMETER = re.compile(r"\s*(?:<parameter|\Z)")
_TAGGED = re.compile(r"<(?P<name>tool_calls?|function_call)>")

_MOST_VALUES = 50
"""Places in a text at which a JSON value is looked for."""

Arguments = Mapping[str, object]


def written_in(reply: str) -> bool:
    """Whether a reply looks like this format."""
    return next(_calls(reply), None) is not None


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """All calls of the reply, made in order."""
    draft = Draft(files)
    found = list(_calls(reply))
    for name, arguments in found:
        _make(name, arguments, draft)
    if not found:
        draft.fail("The answer holds no tool call with JSON arguments.")
    elif all(_reads(name, arguments) for name, arguments in found):
        draft.fail("None of the tool calls edits a file.")
    return draft.result()


def _calls(reply: str) -> Iterator[tuple[str, Arguments]]:
    """The name and the arguments of each call."""
    whole = json_of(reply)
    if whole is not None:
        yield from in_json(whole)
        return
    if not any(mark in reply for mark in ("{", "<invoke")):
        return
    reply = without_thinking(reply)
    invoked = list(between(reply, _INVOKED, "</invoke>", _BEHIND_INVOKE))
    for name, body in invoked:
        yield name, _values(dict(between(body, _PARAMETER, "</parameter>", _BEHIND_PARAMETER)))
    if invoked:
        return
    tagged = list(_tagged(reply))
    blocks = [fence.text for fence in fences(reply)]
    pieces = [text for text in blocks if text.lstrip().startswith(("{", "["))] or tagged or blocks
    for piece in [*pieces, *([] if pieces else [reply])]:
        yield from _in_text(piece)


def _tagged(reply: str) -> Iterator[str]:
    """What stands in `<tool_call>`: its JSON value, whose strings may hold such tags, or all up to its end."""
    decoder = json.JSONDecoder(strict=False)
    at = 0
    while opening := _TAGGED.search(reply, at):
        start = opening.end() + len(reply[opening.end() :]) - len(reply[opening.end() :].lstrip())
        try:
            _, at = decoder.raw_decode(reply, start)
        except (ValueError, RecursionError):
            at = reply.find(f"</{opening['name']}>", start)
            at = at if at >= 0 else len(reply)
        yield reply[start:at]


def between(
    text: str, opening: re.Pattern[str], closing: str, behind: re.Pattern[str] | None = None
) -> Iterator[tuple[str, str]]:
    """What stands between tags, with the `name` of each opening one; `{name}` in the closing one is that.

    `behind` is what follows a closing tag that isn't a part of the text.
    """
    at = 0
    while found := opening.search(text, at):
        tag = closing.format(name=found["name"])
        first = end = text.find(tag, found.end())
        while end >= 0 and behind and not behind.match(text, end + len(tag)):
            end = text.find(tag, end + 1)
        end = end if end >= 0 else first
        if end < 0:
            return
        yield found["name"], text[found.end() : end]
        at = end + len(tag)


def _in_text(text: str) -> Iterator[tuple[str, Arguments]]:
    """The calls in a text that holds JSON values among other words."""
    decoder = json.JSONDecoder(strict=False)
    for start in islice(re.finditer(r"^[ \t]*(?=[\[{])", text, re.MULTILINE), _MOST_VALUES):
        try:
            value, _ = decoder.raw_decode(text, start.end())
        except (ValueError, RecursionError):
            continue
        calls = list(in_json(value))
        if calls:
            yield from calls
            return


def json_of(text: str) -> object:
    """The JSON value that a text is; None for any other text."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _values(parameters: dict[str, str]) -> Arguments:
    """Parameters between tags.

    Texts that all begin and end with a line end have both from the tags; the text of a whole file keeps its last.
    """
    texts = [text for key, text in parameters.items() if key in (*OLD, *NEW)]
    laid_out = [text.startswith("\n") and text.endswith("\n") for text in texts if text]
    values: dict[str, object] = {}
    for key, text in parameters.items():
        plain = text
        if key in (*OLD, *NEW):
            plain = text[1:-1] if laid_out and all(laid_out) else text
        elif key in TEXT:
            plain = text.removeprefix("\n")
        values[key] = _value(plain)
    return values


def _value(plain: str) -> object:
    """JSON for what isn't a string."""
    value = json_of(plain)
    if plain.strip() in {"true", "false"}:
        return plain.strip() == "true"
    if plain.strip().isdigit():
        return int(plain)
    return cast("object", value) if isinstance(value, list) else plain


def in_json(value: object) -> Iterator[tuple[str, Arguments]]:
    """The calls in a JSON value; a value of another shape has none."""
    waiting: list[object] = [value]
    while waiting:
        value = waiting.pop(0)
        if isinstance(value, list):
            waiting = [*cast("list[object]", value), *waiting]
        elif isinstance(value, dict):
            call = cast("dict[str, object]", value)
            if isinstance(inner := call.get("function"), dict) or isinstance(
                inner := call.get("tool_calls"), list
            ):
                waiting.insert(0, cast("object", inner))
                continue
            name = next((found for key in _NAME if isinstance(found := call.get(key), str)), "")
            arguments = next((found for key in _ARGUMENTS if (found := call.get(key)) is not None), None)
            if isinstance(arguments, str) and not _is_patch(arguments):
                arguments = json_of(arguments)
            if isinstance(arguments, str):
                yield name, {"patch": arguments}
            elif isinstance(arguments, dict):
                yield name, cast("dict[str, object]", arguments)
            elif text_of(call, PATH) is not None and ("edits" in call or text_of(call, OLD) is not None):
                yield name, call


_OLD_AND_TEXT = frozenset([*OLD, *TEXT, *_LINE, *_PATCH])


def text_of(arguments: Arguments, keys: Sequence[str]) -> str | None:
    return next((value for key in keys if isinstance(value := arguments.get(key), str)), None)


def _reads(name: str, arguments: Arguments) -> bool:
    """Whether a call only looks at things."""
    command = str(arguments.get("command", ""))
    edits = _OLD_AND_TEXT & arguments.keys() or "edits" in arguments
    return _READING.match(command or name) is not None and not (edits and not command)


def _make(name: str, arguments: Arguments, draft: Draft) -> None:
    """Carry out one call in the draft."""
    if _reads(name, arguments):
        return
    path = text_of(arguments, PATH) or ""
    patch = text_of(arguments, _PATCH)
    command = str(arguments.get("command") or name)
    edits = arguments.get("edits")
    if isinstance(edits, list):
        for edit in cast("list[object]", edits):
            _edit(path, cast("Arguments", edit) if isinstance(edit, dict) else {}, draft)
    elif patch is not None and _is_patch(patch):
        _patch(path, patch, draft)
    elif re.search("insert", command, re.IGNORECASE):
        _insert(path, arguments, draft)
    elif text_of(arguments, OLD) is not None:
        _edit(path, arguments, draft)
    elif re.search("delete|remove", command, re.IGNORECASE):
        page = draft.open(path)
        if page:
            draft.remove(page)
    elif re.search("create|write|replace_file|save|new", command, re.IGNORECASE):
        _write(path, text_of(arguments, TEXT), draft)
    else:
        draft.fail(
            f"The call of `{name}` lacks what it is to do: {', '.join(sorted(arguments)) or 'no arguments'}."
        )


def _is_patch(text: str) -> bool:
    return any(module.written_in(text) for module in (apply_patch, search_replace, unified_diff))


def _patch(path: str, patch: str, draft: Draft) -> None:
    """A call that carries another format is that format, for its file."""
    module = next(each for each in (apply_patch, search_replace, unified_diff) if each.written_in(patch))
    draft.include(module.parse, patch, path)


def _edit(path: str, arguments: Arguments, draft: Draft) -> None:
    old, new = text_of(arguments, OLD), text_of(arguments, NEW)
    if new is None and "command" in arguments:
        new = ""
    if old is None or new is None:
        draft.fail("A call of the edit tool lacks the text to find or the one to put there.")
    elif old == new:
        draft.fail("An edit changes nothing: the text to find and the one to put there are the same.")
    elif not old:
        draft.fill(path, new)
    elif page := draft.open(path):
        every = any(arguments.get(key) in (True, "true") for key in _EVERY)
        expected = arguments.get("expected_replacements", 1)
        if isinstance(expected, int) and expected > 1:
            every = page.lines.text.count(to_lf(old)) == expected
        draft.replace_text(page, old, new, every=every)


def _insert(path: str, arguments: Arguments, draft: Draft) -> None:
    line = next((value for key in _LINE if isinstance(value := arguments.get(key), int)), None)
    text = text_of(arguments, INSERTED)
    page = draft.open(path)
    if page is None:
        return
    lines = len(split_lines(page.lines.text))
    if line is None or text is None:
        draft.fail("A call to insert lacks the line or the text.")
    elif not 0 <= line <= lines:
        draft.fail(f"`{page.name}` has {lines} lines; nothing can be inserted behind line {line}.")
    else:
        draft.insert(page, line, to_lf(text).removesuffix("\n").split("\n"))


def _write(path: str, text: str | None, draft: Draft) -> None:
    if text is None:
        draft.fail("A call to write a file lacks its text.")
    elif file := draft.destination(path, text):
        draft.write(file, text)
