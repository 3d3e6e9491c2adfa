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


_LOOKED_AHEAD = 20
"""Characters behind a fence in which its first line begins."""


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
    """The elements that don't stand within a code block or within the text of another one."""
    at = 0
    fence = ""
    while at < len(text):
        end_of_line = text.find("\n", at)
        end_of_line = len(text) if end_of_line < 0 else end_of_line
        line = text[at:end_of_line]
        if fence:
            fence = "" if closes_fence(line, fence) else fence
        elif opened_fence(line) and not _OPENING.match(text, _behind_blank_lines(text, end_of_line)):
            fence = opened_fence(line)
        elif opening := _OPENING.match(text, at):
            element, at = _element(text, opening)
            yield element
            continue
        at = end_of_line + 1


def _behind_blank_lines(text: str, at: int) -> int:
    rest = text[at : at + _LOOKED_AHEAD]
    return at + len(rest) - len(rest.lstrip("\n"))


def _element(text: str, opening: re.Match[str]) -> tuple[_Element, int]:
    """The element that begins there, and the offset behind it."""
    tag = opening["tag"]
    attributes = {name: first or second for name, first, second in _ATTRIBUTE.findall(opening["attributes"])}
    if opening["alone"]:
        return _Element(tag, attributes, ""), opening.end()
    # The outermost closing tag before the next element: the text may have such tags itself.
    closing = f"</{tag}>"
    first = text.find(closing, opening.end())
    if first < 0:
        return _Element(tag, attributes, None), len(text)
    following = _OPENING.search(text, first)
    end = text.rfind(closing, first, following.start() if following else len(text))
    return _Element(tag, attributes, text[opening.end() : end]), end + len(closing)


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
            draft.replace_text(page, _laid_out(old), _laid_out(new))
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
    """The content of the first child of one of the names."""
    for name in names:
        start, end = body.find(f"<{name}>"), body.rfind(f"</{name}>")
        if 0 <= start < end:
            return body[start + len(name) + 2 : end]
    return None


def _unwrapped(body: str) -> str:
    """The text of a file without the line ends beside the tags, a CDATA section or a fence around it."""
    text = to_lf(body)
    inner = text.strip()
    if inner.startswith("<![CDATA[") and inner.endswith("]]>"):
        text = inner.removeprefix("<![CDATA[").removesuffix("]]>")
    text = text.removeprefix("\n")
    lines = text.strip("\n").split("\n")
    fence = opened_fence(lines[0])
    if len(lines) > 1 and fence and closes_fence(lines[-1], fence):
        text = "\n".join(lines[1:-1])
    return text if text.endswith("\n") or not text else text + "\n"


def _laid_out(text: str) -> str:
    """A text without the line ends beside its tags, where it has one at either end."""
    text = to_lf(text)
    return text[1:-1] if len(text) > 1 and text.startswith("\n") and text.endswith("\n") else text
