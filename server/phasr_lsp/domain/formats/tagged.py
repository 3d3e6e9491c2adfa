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
from phasr_lsp.domain.formats.marks import WHOLE_TAGS, closes_fence, opened_fence
from phasr_lsp.domain.formats.reply import Files, Malformed
from phasr_lsp.domain.formats.thoughts import without_thinking
from phasr_lsp.domain.text import to_lf

_TAGS = (
    "file|edit|change|create|create_file|write_file|write_to_file|replace_in_file|edit_file|apply_diff"
    "|search_and_replace|str_replace|delete_file|delete|insert|update|modify"
)
_OPENING = re.compile(rf"^[ \t]*<(?P<tag>{_TAGS})(?P<attributes>(?:\s[^<>]*?)?)(?P<alone>/?)>", re.MULTILINE)
_CLOSING = re.compile(rf"\s*</(?:{_TAGS})>\s*")
_ATTRIBUTE = re.compile(r"([\w-]+)=(?:\"([^\"]*)\"|'([^']*)')")
_PATH = ("path", "file_path", "file", "filename", "name", "src")
_OLD = ("search", "old_string", "old_str", "old", "find", "original", "old_text", "old_code")
_NEW = ("replace", "new_string", "new_str", "new", "replacement", "updated", "new_text", "new_code")
_TEXT = ("content", "contents", "text", "code", "file_text", "body", "diff")


_WRAPPERS = frozenset(("args", "file", "diff"))
_CHILD = re.compile(rf"\s*<(?P<tag>{'|'.join((*_PATH, *_OLD, *_NEW, *_TEXT, *_WRAPPERS))})>")
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
        elif not element.tag:
            draft.fail("A closing tag ends nothing: a text that holds such tags needs another format.")
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
        elif _CLOSING.fullmatch(line):
            yield _Element("", {}, "")
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
    children = _children(body)
    named = (element.attributes.get(key) or children.get(key) for key in _PATH)
    path = next(filter(None, named), "").strip()
    old, new, inner = (_first(children, keys) for keys in (_OLD, _NEW, _TEXT))
    inner = body if inner is None else inner
    if element.tag.startswith("delete"):
        page = draft.open(path)
        if page:
            draft.remove(page)
    elif old is not None and new is not None:
        _replace(path, to_lf(old), to_lf(new), draft)
    elif element.tag in WHOLE_TAGS and path:
        _write(path, inner, draft)
    elif module := next(
        (each for each in (apply_patch, search_replace, unified_diff) if each.written_in(inner)), None
    ):
        draft.include(module.parse, inner, path)
    elif not path:
        draft.fail(f"A <{element.tag}> names no file.")
    else:
        draft.fail(f"The <{element.tag}> for `{path}` lacks the text to find or the one to put there.")


def _replace(path: str, old: str, new: str, draft: Draft) -> None:
    """A text between tags is lines where it is laid out as such, with a line end at either end."""
    if not old.strip("\n"):
        draft.fill(path, new.removeprefix("\n"))
        return
    page = draft.open(path)
    if page is None:
        return
    if all(text.startswith("\n") and text.endswith("\n") for text in (old, new)) and len(old) > 1:
        draft.replace(page, old[1:-1].split("\n"), new[1:-1].split("\n") if len(new) > 1 else [])
    else:
        draft.replace_text(page, old, new)


def _children(body: str) -> dict[str, str]:
    """The contents by tag, where a body consists of elements and isn't a text itself."""
    found: dict[str, str] = {}
    rest = body
    while child := _CHILD.match(rest):
        closing = f"</{child['tag']}>"
        ends = (at for at in _places(rest, closing, child.end()) if _ends_child(rest[at + len(closing) :]))
        end = next(ends, None)
        if end is None:
            return {}
        content = rest[child.end() : end]
        if child["tag"] in (*_OLD, *_NEW) and closing in rest[end + len(closing) :]:
            return {}
        found |= {child["tag"]: content} | (_children(content) if child["tag"] in _WRAPPERS else {})
        rest = rest[end + len(closing) :]
    return {} if rest.strip() else found


def _places(text: str, wanted: str, at: int) -> Iterator[int]:
    while (at := text.find(wanted, at)) >= 0:
        yield at
        at += 1


def _ends_child(rest: str) -> bool:
    """Whether nothing or another element follows."""
    return not rest[:_LOOKED_AHEAD].strip() or _CHILD.match(rest) is not None


def _first(children: dict[str, str], keys: tuple[str, ...]) -> str | None:
    return next((children[key] for key in keys if key in children), None)


def _write(path: str, body: str, draft: Draft) -> None:
    file = draft.destination(path, body)
    if file is None:
        return
    text = _unwrapped(body, file.text)
    left_out = elision(text, file.text)
    if draft.written(file) not in (None, text):
        draft.fail(f"The answer holds several texts for `{file.name}`; it must hold one.")
    elif left_out:
        draft.fail(f"The text of `{file.name}` leaves code out (`{left_out}`); it must hold every line.")
    else:
        draft.write(file, text)


def _unwrapped(body: str, before: str) -> str:
    """The text of a file without the line ends beside the tags, a CDATA section or a fence around it."""
    text = to_lf(body)
    inner = text.strip()
    if inner.startswith("<![CDATA[") and inner.endswith("]]>"):
        text = inner.removeprefix("<![CDATA[").removesuffix("]]>")
    text = text.removeprefix("\n")
    lines = text.strip("\n").split("\n")
    fence = opened_fence(lines[0])
    fenced = len(lines) > 1 and fence and closes_fence(lines[-1], fence)
    if fenced and not opened_fence(to_lf(before).lstrip("\n").partition("\n")[0]):
        text = "\n".join(lines[1:-1])
    return text if text.endswith("\n") or not text else text + "\n"
