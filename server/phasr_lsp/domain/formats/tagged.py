"""`tagged`: edits between tags.

    <file path="src/app.py">
    the whole text of the file
    </file>

Or `<edit path="...">` with `<search>` and `<replace>` in it, and the tags of Cline, Roo Code and others
(`<write_to_file>`, `<replace_in_file>`, `<apply_diff>`), whose content may be another format.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from phasr_lsp.domain.change import ChangeSet
from phasr_lsp.domain.formats import apply_patch, search_replace, unified_diff
from phasr_lsp.domain.formats.draft import Draft
from phasr_lsp.domain.formats.elision import elision
from phasr_lsp.domain.formats.marks import closes_fence, opened_fence
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.formats.thoughts import without_thinking
from phasr_lsp.domain.text import to_lf

_OPENING = re.compile(
    r"^[ \t]*<(?P<tag>file|edit|change|create|create_file|write_file|write_to_file|replace_in_file|edit_file"
    r"|apply_diff|search_and_replace|str_replace|delete_file|delete|insert|update|modify)(?P<attributes>(?:\s[^<>]*?)?)(?P<alone>/?)>",
    re.MULTILINE,
)
_ATTRIBUTE = re.compile(r"([\w-]+)=(?:\"([^\"]*)\"|'([^']*)')")
_PATH = ("path", "file_path", "file", "filename", "name", "src")
_OLD = ("search", "old_string", "old_str", "old", "find", "original", "old_text", "old_code")
_NEW = ("replace", "new_string", "new_str", "new", "replacement", "updated", "new_text", "new_code")
_TEXT = ("content", "contents", "text", "code", "file_text", "body", "diff")


@dataclass(frozen=True)
class _Element:
    tag: str
    attributes: dict[str, str]
    body: str | None
    """None where the closing tag is missing."""


def written_in(reply: str) -> bool:
    """Whether a reply looks like this format."""
    return _OPENING.search(reply) is not None and ("</" in reply or "/>" in reply)


def parse(reply: str, files: Files) -> ChangeSet | Malformed:
    """All elements of the reply that name a file."""
    draft = Draft(files)
    found = list(_elements(without_thinking(reply)))
    for element in found:
        if element.body is None:
            draft.cut_off()
        else:
            _make(element, element.body, draft)
    if not found:
        draft.fail('The answer holds no <file path="..."> with a text in it.')
    return draft.result()


def _elements(text: str) -> Iterator[_Element]:
    at = 0
    while opening := _OPENING.search(text, at):
        tag = opening["tag"]
        attributes = {name: first or second for name, first, second in _ATTRIBUTE.findall(opening["attributes"])}
        if opening["alone"]:
            at = opening.end()
            yield _Element(tag, attributes, "")
            continue
        # The outermost closing tag before the next element of the same kind: the text may have such tags itself.
        closing = f"</{tag}>"
        first = text.find(closing, opening.end())
        if first < 0:
            yield _Element(tag, attributes, None)
            return
        following = _OPENING.search(text, first)
        end = text.rfind(closing, first, following.start() if following else len(text))
        yield _Element(tag, attributes, text[opening.end() : end])
        at = end


def _make(element: _Element, body: str, draft: Draft) -> None:
    named = (element.attributes.get(key) for key in _PATH)
    path = (next(filter(None, named), "") or _child(body, _PATH) or "").strip()
    old, new = _child(body, _OLD), _child(body, _NEW)
    inner = _child(body, _TEXT)
    inner = body if inner is None else inner
    if element.tag.startswith("delete"):
        page = draft.open(path)
        if page:
            draft.remove(page)
    elif old is not None and new is not None:
        page = draft.open(path)
        if page:
            draft.replace_text(page, old, new)
    elif module := next(
        (each for each in (apply_patch, search_replace, unified_diff) if each.written_in(inner)), None
    ):
        draft.include(module.parse, inner, path)
    elif not path:
        draft.fail(f"A <{element.tag}> names no file.")
    elif element.tag in {"file", "create", "create_file", "write_file", "write_to_file"}:
        _write(path, inner, draft)
    else:
        draft.fail(f"The <{element.tag}> for `{path}` lacks the text to find or the one to put there.")


def _write(path: str, body: str, draft: Draft) -> None:
    file = draft.files.named(path)
    text = _unwrapped(body)
    left_out = elision(text, file.text) if file else None
    if file is None:
        draft.fail(draft.files.missing(path))
    elif left_out:
        draft.fail(f"The text of `{file.name}` leaves code out (`{left_out}`); it must hold every line.")
    else:
        draft.write(file, text)


def _child(body: str, names: tuple[str, ...]) -> str | None:
    """The content of the first child of one of the names, without the line ends beside its tags."""
    for name in names:
        start, end = body.find(f"<{name}>"), body.rfind(f"</{name}>")
        if 0 <= start < end:
            return body[start + len(name) + 2 : end].removeprefix("\n").removesuffix("\n")
    return None


def _unwrapped(body: str) -> str:
    """The text of a file without the line ends beside the tags, a CDATA section or a fence around it."""
    text = to_lf(body).strip("\n")
    if text.strip().startswith("<![CDATA[") and text.strip().endswith("]]>"):
        text = text.strip().removeprefix("<![CDATA[").removesuffix("]]>").strip("\n")
    lines = text.split("\n")
    fence = opened_fence(lines[0])
    if len(lines) > 1 and fence and closes_fence(lines[-1], fence):
        text = "\n".join(lines[1:-1])
    return text + "\n"
