"""What tree-sitter knows of a text: definitions, import statements, whether it parses."""

import importlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache

import tree_sitter

from phasr_lsp.domain.language import Language
from phasr_lsp.domain.text import FileText, Span, line_end, line_start
from phasr_lsp.engine.ports import Definition


class TreeSitterSyntax:
    """The engine's `Syntax` on the grammars' own wheels. Any thread may call it.

    All of it is synchronous and linear in the text's length: about 10 ms to parse 10,000 lines, and ten times
    that to go through all nodes.
    """

    def __init__(self, languages: Mapping[str, Language]) -> None:
        self._languages = languages

    def definition_at(self, file: FileText, span: Span) -> Definition | None:
        """The smallest definition that holds the span, or the code on its line; None if there is none."""
        language = self._languages.get(file.language)
        if language is None or not language.definitions:
            return None
        source = _source(language.grammar, file.text)
        for place in _code_at(file.text, span):
            around = source.root.descendant_for_byte_range(source.byte(place.start), source.byte(place.end))
            holding = tuple(_outline(source, language, _towards(around)))
            if holding:
                return holding[-1]
        return None

    def definitions(self, file: FileText) -> tuple[Definition, ...]:
        """All definitions in the order in which they begin, outer ones first."""
        language = self._languages.get(file.language)
        return _definitions(language, file.text) if language and language.definitions else ()

    def imports(self, file: FileText) -> Span:
        """The import statements at the top level, as whole lines, up to the first gap of other code.

        The empty span at the place where they belong, behind what heads the file, when there are none.
        """
        language = self._languages.get(file.language)
        if language is None or not language.imports:
            return Span(0, 0)
        source = _source(language.grammar, file.text)
        children = source.root.children
        kinds = [_import_kind(child, language) for child in children]
        if "import" not in kinds:
            head = _head_end(children, kinds, source)
            return Span(head, head)
        first = kinds.index("import")
        last = first
        while last + 1 < len(kinds) and kinds[last + 1] == "import":
            last += 1
        return Span(source.lines(children[first]).start, source.lines(children[last]).end)

    def import_statements(self, file: FileText) -> tuple[Span, ...]:
        """All import statements at the top level, as whole lines, also those below other code."""
        language = self._languages.get(file.language)
        if language is None or not language.imports:
            return ()
        source = _source(language.grammar, file.text)
        return tuple(source.lines(child) for child in source.root.children if child.type in language.imports)

    def first_error(self, file: FileText) -> int | None:
        """The line, counted from 1, of the first syntax error; None when it parses or can't be judged."""
        language = self._languages.get(file.language)
        if language is None:
            return None
        root = _source(language.grammar, file.text).root
        if not root.has_error:
            return None
        rows = (node.start_point.row for node in _walk(root) if node.is_error or node.is_missing)
        # A NUL in Go is an error that no node stands for.
        return min(rows, default=0) + 1

    def code(self, file: FileText) -> tuple[str, ...]:
        """The text's tokens without comments and docstrings; () where the language isn't known."""
        language = self._languages.get(file.language)
        if language is None:
            return ()
        source = _source(language.grammar, file.text)
        nodes = _walk(source.root, below=lambda node: not _is_documentation(node))
        leaves = (node for node in nodes if not node.child_count and not _is_documentation(node))
        return tuple(source.bytes[leaf.start_byte : leaf.end_byte].decode("utf-8", "replace") for leaf in leaves)


class _Source:
    """A text, parsed: its UTF-8 bytes, its tree, and offsets between the characters, the bytes and the lines."""

    def __init__(self, grammar: str, text: str) -> None:
        self.text = text
        self.bytes = text.encode("utf-8", "replace")
        self.root = tree_sitter.Parser(_language(grammar)).parse(self.bytes).root_node
        self._line_ends = [ending.end() for ending in _LINE_ENDING.finditer(text)]
        self._chars = [0]
        """How many characters stand before each block of bytes."""
        for at in range(0, len(self.bytes), _BLOCK):
            self._chars.append(self._chars[-1] + _characters(self.bytes[at : at + _BLOCK]))

    def byte(self, offset: int) -> int:
        return len(self.text[:offset].encode("utf-8", "replace"))

    def char(self, byte: int) -> int:
        block = byte // _BLOCK
        return self._chars[block] + _characters(self.bytes[block * _BLOCK : byte])

    def span(self, node: tree_sitter.Node) -> Span:
        return Span(self.char(node.start_byte), self.char(node.end_byte))

    def lines(self, node: tree_sitter.Node) -> Span:
        """The lines that the node stands on."""
        span = self.span(node)
        first = bisect_right(self._line_ends, span.start)
        last = bisect_right(self._line_ends, max(span.end - 1, span.start))
        return Span(
            self._line_ends[first - 1] if first else 0,
            self._line_ends[last] if last < len(self._line_ends) else len(self.text),
        )


_BLOCK = 1024
_LINE_ENDING = re.compile(r"\r\n|\r|\n")
_CONTINUATIONS = bytes(range(0x80, 0xC0))
"""What UTF-8 writes behind the first byte of a character."""


def _characters(piece: bytes) -> int:
    return len(piece.translate(None, _CONTINUATIONS))


@cache
def _language(grammar: str) -> tree_sitter.Language:
    module, function = grammar.split(":")
    pointer: object = getattr(importlib.import_module(module), function)()
    return tree_sitter.Language(pointer)


@lru_cache(4)
def _source(grammar: str, text: str) -> _Source:
    """One look at a reply asks about the text before and the text behind it, several times each."""
    return _Source(grammar, text)


@lru_cache(4)
def _definitions(language: Language, text: str) -> tuple[Definition, ...]:
    return tuple(_outline(_source(language.grammar, text), language, lambda node: node.children))


def _outline(
    source: _Source, language: Language, below: Callable[[tree_sitter.Node], Sequence[tree_sitter.Node]]
) -> Iterator[Definition]:
    """The definitions from the root on, along the nodes that `below` gives for each; outer ones come first.

    The definition around a node is handed down on the way: to ask a node for its parent takes tree-sitter a
    search from the root.
    """
    found: dict[int, Definition | None] = {}
    """By a node's id; what a wrapper holds is found before its turn comes."""
    waiting: list[tuple[tree_sitter.Node, Definition | None, _Wrapped | None]] = [(source.root, None, None)]
    while waiting:
        node, around, wrapped = waiting.pop()
        whole, beyond = wrapped or (node, around)
        wraps = node.type in language.wrappers
        defining = node if _defines(node, language) else None
        if defining is None and wraps:
            defining = next((child for child in node.children if _defines(child, language)), None)
        if defining is not None and defining.id in found:
            around = found[defining.id]
        elif defining is not None:
            around = _definition(defining, whole, beyond, source)
            found[defining.id] = around
            if around is not beyond:
                yield around
        inner = (whole, beyond) if wraps else None
        waiting += [(child, around, inner) for child in reversed(below(node))]


_Wrapped = tuple[tree_sitter.Node, Definition | None]
"""The outermost of the wrappers around a node, and the definition around that."""


def _towards(target: tree_sitter.Node | None) -> Callable[[tree_sitter.Node], Sequence[tree_sitter.Node]]:
    """The one child of each node that leads to the target."""

    def below(node: tree_sitter.Node) -> Sequence[tree_sitter.Node]:
        child = None if target is None or node == target else node.child_with_descendant(target)
        return () if child is None else (child,)

    return below


def _definition(
    node: tree_sitter.Node, whole: tree_sitter.Node, beyond: Definition | None, source: _Source
) -> Definition:
    """The definition as whole lines, `whole` with its decorators or its `export`; one that shares its lines with
    other code gives way to what is `beyond` it."""
    span, lines = source.span(whole), source.lines(whole)
    before, behind = source.text[lines.start : span.start], source.text[span.end : lines.end]
    if beyond is not None and (before.strip("\ufeff \t") or behind.strip(" \t\r\n;,")):
        return beyond
    name = _name(node)
    return Definition(name, lines, beyond.top if beyond else name)


def _walk(
    node: tree_sitter.Node, below: Callable[[tree_sitter.Node], bool] = lambda node: True
) -> Iterator[tree_sitter.Node]:
    """The node and all below it, parents first, without recursion: broken texts nest deeply.

    What stands below a node is left out where `below` says so.
    """
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        if below(current):
            waiting += reversed(current.children)


def _is_documentation(node: tree_sitter.Node) -> bool:
    """A comment, or a string that stands alone as a statement."""
    return "comment" in node.type or (
        node.type == "expression_statement" and [child.type for child in node.children] == ["string"]
    )


def _defines(node: tree_sitter.Node, language: Language) -> bool:
    """Whether the node is one of the language's definitions; a type that is only mentioned is none."""
    shapes = _shapes(language.definitions).get(node.type)
    if shapes is None or not node.is_named:
        return False
    if node.type.endswith("_specifier") and not node.child_by_field_name("body"):
        return False
    return any(_holds(node, shape) for shape in shapes)


@cache
def _shapes(definitions: tuple[str, ...]) -> Mapping[str, list[list[str]]]:
    """By a node's type: what has to stand below it, from child to grandchild."""
    shapes: dict[str, list[list[str]]] = {}
    for definition in definitions:
        head, *inner = definition.split("/")
        shapes.setdefault(head, []).append(inner)
    return shapes


def _holds(node: tree_sitter.Node, shape: list[str]) -> bool:
    """Whether a child's type, a grandchild's... are those of the shape."""
    return not shape or any(child.type == shape[0] and _holds(child, shape[1:]) for child in node.named_children)


def _code_at(text: str, span: Span) -> tuple[Span, ...]:
    """Where to look for what a person means: white space at the ends of a selection doesn't count, and a cursor
    beside a line's code, left of `def` or behind its last character, is on that code."""
    chosen = Span(line_start(text, span.start), line_end(text, span.end)) if span.empty else span
    code = chosen.of(text)
    start = chosen.start + len(code) - len(code.lstrip().lstrip("\ufeff"))
    end = chosen.start + len(code.rstrip())
    if start >= end:
        return (Span(span.start, span.start),)
    if not span.empty:
        return (Span(start, end),)
    cursor = min(max(span.start, start), end - 1)
    return Span(cursor, cursor + 1), Span(start, start + 1)


def _name(node: tree_sitter.Node) -> str:
    """The name that the definition gives; "" for one that has none."""
    named = node.child_by_field_name("name") or node.child_by_field_name("declarator")
    if named is None and node.type == "impl_item":
        named = node.child_by_field_name("type")
    if named is None:
        # Go's `type T ...` and JavaScript's `const f = ...` name what is within.
        inner = (child.child_by_field_name("name") for child in node.named_children)
        named = next((name for name in inner if name is not None), None)
    while named is not None and (inner := _inner_declarator(named)) is not None:
        named = inner
    return named.text.decode("utf-8", "replace") if named is not None and named.text else ""


def _inner_declarator(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """What a C declarator wraps: `*f(int a)` is a pointer to a function with a name."""
    if not node.type.endswith("_declarator"):
        return None
    return node.child_by_field_name("declarator") or next(
        (child for child in node.named_children if child.type.endswith("_declarator")), None
    )


def _head_end(children: list[tree_sitter.Node], kinds: list[str], source: _Source) -> int:
    """The offset behind what heads a file: its first comments, docstring, package.

    Comments right above the first code belong to that.
    """
    count = next((at for at, kind in enumerate(kinds) if kind != "head"), len(kinds))
    while 0 < count < len(children) and _belongs_below(children[count - 1], children[count]):
        count -= 1
    if not count:
        return 0
    return source.lines(children[count - 1]).end


def _belongs_below(comment: tree_sitter.Node, below: tree_sitter.Node) -> bool:
    text = comment.text or b""
    # Some grammars count the line's ending to a comment.
    last_row = comment.end_point.row - (comment.end_point.column == 0)
    return "comment" in comment.type and not text.startswith(b"#!") and below.start_point.row == last_row + 1


def _import_kind(node: tree_sitter.Node, language: Language) -> str:
    """`import`, `head` for what may stand above imports, or `code`."""
    if node.type in language.imports:
        return "import"
    heading = ("comment", "line_comment", "block_comment", "package_clause", "package_declaration", "php_tag")
    if node.type in heading or (node.type == "expression_statement" and _is_documentation(node)):
        return "head"
    return "code"
