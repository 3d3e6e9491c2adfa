"""What goes into a model's window: the instruction, the place to change, and as much around it as fits."""

from pathlib import PurePosixPath

from phasr_lsp.domain.errors import ContextWindowExceeded
from phasr_lsp.domain.kind import Output
from phasr_lsp.domain.model import EditFormat, Endpoint, Message, Profile
from phasr_lsp.domain.text import Span, split_lines, to_lf
from phasr_lsp.engine.aim import Aim

CHARACTERS_PER_TOKEN = 3.2
"""Source code in the tokenizers of current models has 3 to 4; the low end keeps an estimate on the safe side."""

_ROLE = "You are an expert programmer who changes exactly what is asked for and nothing else."


def write_messages(aim: Aim, profile: Profile, endpoint: Endpoint) -> tuple[Message, ...]:
    """The first messages of an attempt; what stays the same between tasks on one file comes first.

    Raises `ContextWindowExceeded` when not even what must be shown fits.
    """
    budget = int(profile.file_tokens * CHARACTERS_PER_TOKEN)
    parts = [_source(aim, budget)]
    if aim.kind.output is Output.TESTS:
        parts.append(_test_file(aim, budget))
    parts.append(_task(aim))
    messages = (Message("system", f"{_ROLE}\n\n{_answer(aim, profile)}"), Message("user", "\n\n".join(parts)))
    _check_window(messages, profile, endpoint, aim)
    return messages


def _answer(aim: Aim, profile: Profile) -> str:
    """The format's prompt, with the names that it speaks of."""
    what = f"the new text of `{aim.name}`" if aim.name else "the new text of the lines shown last"
    if aim.kind.output is Output.TESTS:
        target = aim.files.target
        verb = "to be appended to" if target.exists else "for the new file"
        what = f"the tests {verb} {target.name}, with the imports that they need,"
    return profile.prompts[aim.format].replace("{what}", what).replace("{file}", aim.files.target.name)


def _source(aim: Aim, budget: int) -> str:
    whole = aim.format.whole and aim.kind.output is Output.TARGET
    text = to_lf(aim.source.text) if whole else _excerpt(aim, budget)
    if not text.strip():
        return f"The file `{aim.source.name}` is empty."
    return f"The file `{aim.source.name}`:\n\n{_fenced(text, aim)}"


def _test_file(aim: Aim, budget: int) -> str:
    target = aim.files.target
    if not target.text.strip():
        return f"The tests go into the new file `{target.name}`."
    text = to_lf(target.text)
    if aim.format is EditFormat.REGION and len(text) > budget:
        text = text[: budget // 2] + "\n...\n" + text[-budget // 2 :]
    return f"The test file `{target.name}` as it is:\n\n{_fenced(text, aim)}"


def _task(aim: Aim) -> str:
    parts: list[str] = []
    if aim.part and not aim.part.empty:
        shown = f"`{aim.name}`" if aim.name else "These lines"
        parts.append(f"{shown} in that file:\n\n{_fenced(to_lf(aim.part.of(aim.source.text)), aim)}")
    prompt = aim.kind.prompt.strip()
    for mark, value in (
        ("{name}", aim.name or "the lines shown last"),
        ("{detail}", aim.detail),
        ("{line}", str(aim.line)),
        ("{file}", aim.source.name),
    ):
        prompt = prompt.replace(mark, value)
    parts.append(prompt)
    if aim.kind.output is Output.TESTS and aim.language:
        parts.append(" ".join(filter(None, (aim.language.test_style, _import_hint(aim)))))
    if aim.instruction and aim.instruction != aim.detail:
        parts.append(aim.instruction)
    return "\n\n".join(parts)


def _import_hint(aim: Aim) -> str:
    if not aim.language or not aim.language.test_imports or not aim.top:
        return ""
    path = PurePosixPath(aim.source.name).with_suffix("")
    module = ".".join(part for part in path.parts if part not in {"src", "__init__"})
    lines = aim.language.test_imports.format(module=module, name=aim.top)
    return f"Begin with these lines:\n\n{_fenced(lines, aim)}"


def _fenced(text: str, aim: Aim) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{aim.language.name if aim.language else ''}\n{text.rstrip()}\n{fence}"


def _excerpt(aim: Aim, budget: int) -> str:
    """The file if it fits; else its import statements and the lines around the part, as many of both as fit."""
    text = aim.source.text
    if len(text) <= budget:
        return to_lf(text)
    part = aim.part or Span(0, 0)
    imports = aim.files.imports if aim.files.target is aim.source else Span(0, 0)
    before, after = split_lines(text[: part.start])[::-1], split_lines(text[part.end :])
    below = "".join(_fitting(after, budget // 2))
    above = "".join(reversed(_fitting(before, budget // 2)))
    head = ""
    if imports.start < part.start - len(above):
        head = "".join(_fitting(split_lines(imports.of(text)), budget // 4))
        above = "".join(reversed(_fitting(before, budget // 2 - len(head))))
        above = above[max(imports.start + len(head) - (part.start - len(above)), 0) :]
    gap = f"{aim.language.comment if aim.language else ''} [further lines omitted]\n".lstrip()
    pieces = [above, below]
    if len(above) < part.start:
        pieces = [head, gap, *pieces]
    if part.end + len(below) < len(text):
        pieces.append(gap)
    return to_lf("".join(pieces))


def _fitting(lines: list[str], budget: int) -> list[str]:
    """The first lines, as many as have no more characters than the budget."""
    for index, line in enumerate(lines):
        budget -= len(line)
        if budget < 0:
            return lines[:index]
    return lines


def _check_window(messages: tuple[Message, ...], profile: Profile, endpoint: Endpoint, aim: Aim) -> None:
    if endpoint.context_window is None:
        return
    needed = int(sum(len(message.text) for message in messages) / CHARACTERS_PER_TOKEN)
    if needed + min(profile.max_output_tokens, endpoint.context_window // 4) > endpoint.context_window:
        raise ContextWindowExceeded(
            f"{aim.source.name} takes about {needed:,} tokens, and {endpoint.model} has a window of "
            f"{endpoint.context_window:,}.",
            "Work on a smaller part, or choose a model with a larger window.",
        )
