"""What tree-sitter knows of a text: definitions, import statements, whether it parses."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import tree_sitter

from phasr_lsp.domain.language import Language
from phasr_lsp.domain.text import FileText, Span, line_end, line_start
from phasr_lsp.engine.ports import Definition


class TreeSitterSyntax:
    """The engine's `Syntax` on the grammars' own wheels. Parsing is synchronous: about 10 ms for 10,000 lines."""

    def __init__(self, languages: Mapping[str, Language]) -> None:
        self._languages = languages

    def definition_at(self, file: FileText, span: Span) -> Definition | None:
        """The smallest definition that holds the span, or the code on its line; None if there is none."""
        language = self._languages.get(file.language)
        if language is None or not language.definitions:
            return None
        source = _Source(file.text)
        root = _parse(language.grammar, source.bytes).root_node
        for place in _code_at(file.text, span):
            around = root.descendant_for_byte_range(source.byte(place.start), source.byte(place.end))
            found = _enclosing(around, language)
            if found is not None:
                return _definition(found, language, source)
        return None

    def definitions(self, file: FileText) -> tuple[Definition, ...]:
        """All definitions in the order in which they begin, outer ones first."""
        language = self._languages.get(file.language)
        if language is None or not language.definitions:
            return ()
        source = _Source(file.text)
        root = _parse(language.grammar, source.bytes).root_node
        return tuple(_definition(node, language, source) for node in _definitions(root, language))

    def imports(self, file: FileText) -> Span:
        """The import statements at the top level, as whole lines, up to the first gap of other code.

        The empty span at the place where they belong, behind what heads the file, when there are none.
        """
        language = self._languages.get(file.language)
        if language is None or not language.imports:
            return Span(0, 0)
        source = _Source(file.text)
        children = _parse(language.grammar, source.bytes).root_node.children
        kinds = [_import_kind(child, language) for child in children]
        if "import" not in kinds:
            head = _head_end(children, kinds, source)
            return Span(head, head)
        first = kinds.index("import")
        last = first
        while last + 1 < len(kinds) and kinds[last + 1] == "import":
            last += 1
        return Span(_whole_lines(children[first], source).start, _whole_lines(children[last], source).end)

    def import_statements(self, file: FileText) -> tuple[Span, ...]:
        """All import statements at the top level, as whole lines, also those below other code."""
        language = self._languages.get(file.language)
        if language is None or not language.imports:
            return ()
        source = _Source(file.text)
        children = _parse(language.grammar, source.bytes).root_node.children
        return tuple(_whole_lines(child, source) for child in children if child.type in language.imports)

    def first_error(self, file: FileText) -> int | None:
        """The line, counted from 1, of the first syntax error; None when it parses or can't be judged."""
        language = self._languages.get(file.language)
        if language is None:
            return None
        root = _parse(language.grammar, file.text.encode("utf-8", "replace")).root_node
        if not root.has_error:
            return None
        return min(node.start_point.row for node in _walk(root) if node.is_error or node.is_missing) + 1

    def code(self, file: FileText) -> tuple[str, ...]:
        """The text's tokens without comments and docstrings; () where the language isn't known."""
        language = self._languages.get(file.language)
        if language is None:
            return ()
        root = _parse(language.grammar, file.text.encode("utf-8", "replace")).root_node
        nodes = _walk(root, below=lambda node: not _is_documentation(node))
        leaves = (node.text for node in nodes if not node.children and not _is_documentation(node))
        return tuple((leaf or b"").decode("utf-8", "replace") for leaf in leaves)


class _Source:
    """A text and its UTF-8 bytes, with offsets between the two."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.bytes = text.encode("utf-8", "replace")
        self._ascii = len(self.bytes) == len(text)

    def byte(self, offset: int) -> int:
        return offset if self._ascii else len(self.text[:offset].encode("utf-8", "replace"))

    def char(self, byte: int) -> int:
        return byte if self._ascii else len(self.bytes[:byte].decode("utf-8"))


@cache
def _language(grammar: str) -> tree_sitter.Language:
    module, function = grammar.split(":")
    pointer: object = getattr(importlib.import_module(module), function)()
    return tree_sitter.Language(pointer)


def _parse(grammar: str, source: bytes) -> tree_sitter.Tree:
    return tree_sitter.Parser(_language(grammar)).parse(source)


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


def _definitions(node: tree_sitter.Node, language: Language) -> Iterator[tree_sitter.Node]:
    return (found for found in _walk(node) if _defines(found, language))


def _defines(node: tree_sitter.Node, language: Language) -> bool:
    """Whether the node is one of the language's definitions; a type that is only mentioned is none."""
    if not node.is_named or (node.type.endswith("_specifier") and not node.child_by_field_name("body")):
        return False
    return any(_has_shape(node, shape.split("/")) for shape in language.definitions)


def _has_shape(node: tree_sitter.Node, shape: list[str]) -> bool:
    """Whether the node's type, a child's, a grandchild's... are those of the shape."""
    if node.type != shape[0]:
        return False
    return len(shape) == 1 or any(_has_shape(child, shape[1:]) for child in node.named_children)


def _enclosing(node: tree_sitter.Node | None, language: Language) -> tree_sitter.Node | None:
    while node is not None:
        if _defines(node, language):
            return node
        if node.type in language.wrappers:
            within = next((child for child in node.children if _defines(child, language)), None)
            if within is not None:
                return within
        node = node.parent
    return None


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


def _outermost(node: tree_sitter.Node, language: Language) -> tree_sitter.Node:
    """The definition with its decorators or its `export`."""
    while node.parent is not None and node.parent.type in language.wrappers:
        node = node.parent
    return node


def _definition(node: tree_sitter.Node, language: Language, source: _Source) -> Definition:
    """The definition as whole lines; one that shares its lines with other code gives way to what holds it."""
    while True:
        whole = _outermost(node, language)
        start, end = source.char(whole.start_byte), source.char(whole.end_byte)
        first, last = line_start(source.text, start), line_end(source.text, max(end - 1, start))
        alone = not source.text[first:start].strip("\ufeff \t") and not source.text[end:last].strip(" \t\r\n;,")
        outer = _enclosing(whole.parent, language)
        if alone or outer is None:
            return Definition(_name(node), Span(first, last), _name(_topmost(node, language)))
        node = outer


def _topmost(node: tree_sitter.Node, language: Language) -> tree_sitter.Node:
    while (outer := _enclosing(_outermost(node, language).parent, language)) is not None:
        node = outer
    return node


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


def _whole_lines(node: tree_sitter.Node, source: _Source) -> Span:
    start, end = source.char(node.start_byte), source.char(node.end_byte)
    return Span(line_start(source.text, start), line_end(source.text, max(end - 1, start)))


def _head_end(children: list[tree_sitter.Node], kinds: list[str], source: _Source) -> int:
    """The offset behind what heads a file: its first comments, docstring, package.

    Comments right above the first code belong to that.
    """
    count = next((at for at, kind in enumerate(kinds) if kind != "head"), len(kinds))
    while 0 < count < len(children) and _belongs_below(children[count - 1], children[count]):
        count -= 1
    if not count:
        return 0
    return line_end(source.text, max(source.char(children[count - 1].end_byte) - 1, 0))


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
