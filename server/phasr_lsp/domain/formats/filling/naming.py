"""What statements are called, in the languages that models write most: by patterns, not by grammar."""

import re

from phasr_lsp.domain.formats.filling.lines import balance, words

_LONGEST = 300
"""Characters of a line that are looked at."""

_CONTROL = (
    "if|for|foreach|while|switch|catch|return|match|with|elif|else|using|lock|synchronized|super|await|new|"
    "throw|raise|yield|assert|do|try|when|unless|until|function|case|goto|print|echo|not|in|and|or|del|delete"
)
_CONTROLS = re.compile(rf"(?:{_CONTROL})\b")
_MODULE = re.compile(r".*[\"']([^\"']+)[\"']|from\s+(\S+)|import\s+(\S+)$", re.DOTALL)
_FUNCTION = re.compile(r"=>|\bfunction\b|\blambda\b")
_DEFINITION = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|abstract|final|sealed|open|override|async|"
    r"pub(?:\([^)]*\))?|unsafe|const|inline|virtual|partial|data|suspend|declare|readonly|case|local|implicit)\s+)*"
    r"(class|interface|enum|struct|trait|impl|type|def|fn|func|fun|function\*?|module|namespace|object|record|"
    r"protocol|extension|macro_rules!|sub|union)\s+(?:\(\s*\w*\s*\*?(\w+)[^)]*\)\s*)?([\w$.?!]+)(.*)"
)
_METHOD = re.compile(r"(?:[\w$<>\[\],.?*&:~]+\s+)*?\*?(#?[\w$~:]+)\s*(?:<[^>()]*>)?\(")
_BLOCK_CALL = re.compile(r"[\w$.]+\(\s*([\"'`])(?:(?!\1).)*\1")
_ASSIGNMENT = re.compile(r"(?!<)([^=()\"'`]*?[\w\])}>$])\s*(?::|\?)?=(?![=>~])\s*(.*)")
_DECLARES = re.compile(
    r"(?:(?:export|const|let|var|val|static|public|private|protected|readonly|final|pub|mut|local|auto|internal|"
    r"declare|override)\s+)+"
)
_EXPORT = "export default "
_PROPERTY = re.compile(r"(?:\w+\s+)*?([\"']?[\w$.-]+[\"']?)\??\s*:(?!:)(?:\s|$)")
_ARM = re.compile(r"([^(=]+?)\s*=>")
_FIELD = re.compile(r"(?!export\b|package\b|module\b)(?:[\w$<>\[\],.?*&:]+\s+)+\**([\w$]+)\s*;$")
_IMPORT = re.compile(
    r"import\b(?!\()|from\s+\S+\s+import\b|use\s|using\s+[\w.]+(?:\s*=.*)?;|#include\b|@import\b"
)


def is_import(text: str) -> bool:
    return _IMPORT.match(text) is not None


def named(head: str, lines: list[str], block: bool) -> tuple[str | None, bool]:
    """What tells a statement from its siblings, if anything does, and whether it is a definition.

    `block` is whether it has more to it than its head; `lines` are all of it.
    """
    text = head[:_LONGEST]
    if is_import(text):
        found = _MODULE.match(" ".join(lines[:50])[:2000])
        return ("import " + next(filter(None, found.groups())) if found else text), False
    if text.startswith(_EXPORT) and not block:
        return _EXPORT, False
    if definition := _DEFINITION.match(text):
        kind, receiver, name, rest = definition.groups()
        full = f"{kind} {name}{rest}".rstrip("{ ") if kind in {"impl", "extension"} else name
        return (f"{receiver}.{full}" if receiver else full), True
    if block and (name := _block_name(text, lines)):
        return name, True
    if not _CONTROLS.match(text):
        return _plain_name(text), block and _FUNCTION.search(text) is not None
    return ("return" if text.startswith("return") else None), False


def _block_name(text: str, lines: list[str]) -> str | None:
    """What a method without a keyword, or a call with a name and a function (`it("...", () => {`), is called."""
    if (call := _BLOCK_CALL.match(text)) and balance([text]) > 0:
        return call[0]
    method = _METHOD.match(text)
    if not method or _CONTROLS.match(text) or _CONTROLS.fullmatch(method[1]):
        return None
    margin = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    opens = any(
        re.match(r"\{$|\).*\{$", line.removeprefix(margin)) for line in lines[1:] if line.startswith(margin)
    )
    return method[1] if opens or (text.endswith("{") and text.count("(") == text.count(")")) else None


def _plain_name(text: str) -> str | None:
    """What an assignment, a property, a case or a field is called."""
    if assignment := _ASSIGNMENT.match(text):
        target, value = assignment.groups()
        declares = _DECLARES.match(target)
        name = target[declares.end() :] if declares else target
        if not re.search(r"[\[{]", name):
            name = name.split(":")[0].split()[-1] if name.split(":")[0].split() else name
        return name if declares or not words(name) & words(value) else None
    if found := _PROPERTY.match(text) or _ARM.match(text) or _FIELD.match(text):
        return found[1]
    return None
