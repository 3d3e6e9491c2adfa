"""A path that a model names is used only where no rule speaks against it, and the rule is named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasr_lsp.domain.paths import DENIED, path_rule

ALLOWED = [
    "shop.py",
    "src/shop.py",
    "./src/shop.py",
    "src\\shop.py",
    "src//shop.py",
    "a..b/c...d",
    "app/[...slug]/page.tsx",
    ".gitignore",
    ".github/workflows/ci.yml",
    "digit/x",
    "my.git/x",
    "git~/x",
    "environment.py",
    "src/env.py",
    "keys.py",
    "monkey",
    "key",
    "console.py",
    "com10.py",
    "nullable.py",
    "漢字/ünicode 👩‍💻.py",
    "ab:c",
    "~x/y",
    "x" * 255,
]

REFUSED = {
    "it names no file": ["", " "],
    "it names a folder": ["src/", ".", "./", "src/.", "src\\"],
    "it holds a character that no name may have (\\x00)": ["a\0.py"],
    "it holds a character that no name may have (\\n)": ["a\nb.py", "\n"],
    "it holds a character that no name may have (\\x7f)": ["a\x7f"],
    "it holds a character that no name may have (\\x85)": ["a\x85"],
    "it holds a character that no name may have (\\u2028)": ["a\u2028"],
    "it holds a character that no name may have (\\ud83d)": ["a\ud83d"],
    "it isn't relative to the workspace": ["/etc/passwd", "\\\\server\\share\\x", "//x", "~/x", "~"],
    "it names a drive (C:)": ["C:\\x", "C:/x", "C:x"],
    "it names a drive (d:)": ["d:\\x"],
    "it leaves the workspace (..)": [
        *("../x", "..\\x", "a/../x", "a/..", ".. /x", "a/. ./../x", ".../x", "..\u200b/x"),
    ],
    "it belongs to git, which alone may change it": [
        *(".git/config", ".git", "a/.git/hooks/x", ".GIT/x", ".git./x", ".git /x", ".git . ./x", "git~1/x"),
        *("GIT~2", ".git::$INDEX_ALLOCATION/x", ".g\u200cit/config", "a\\.git\\x"),
    ],
    "it is the name of a device on Windows (nul)": ["nul", "a/nul/b"],
    "it is the name of a device on Windows (AUX.py)": ["AUX.py"],
    "it is the name of a device on Windows (com1.tar.gz)": ["com1.tar.gz"],
    "it is the name of a device on Windows (LPT² .x)": ["LPT² .x"],
    "it is longer than 255 bytes": ["x" * 256, "漢" * 86 + "/x"],
    "it is kept from models (.env*)": [".env", ".ENV", "a/.env.local", ".envrc", ".env ", ".env/x"],
    "it is kept from models (*.pem)": ["certs/server.pem", "server.PEM", "server.pem:stream"],
    "it is kept from models (*.key)": ["a.key"],
    "it is kept from models (id_rsa*)": ["id_rsa", "x/id_rsa.pub"],
    "it is kept from models (.ssh)": [".ssh/config"],
    "it is kept from models (.phasr)": [".phasr/config.toml"],
    "it is kept from models (.phasrignore)": [".phasrignore"],
}


@pytest.mark.parametrize("name", ALLOWED)
def test_ordinary_names_are_used(name: str) -> None:
    assert path_rule(name) is None


@pytest.mark.parametrize(
    ("name", "rule"), [(name, rule) for rule, names in REFUSED.items() for name in names], ids=ascii
)
def test_a_refused_path_names_the_rule(name: str, rule: str) -> None:
    assert path_rule(name) == rule


def test_the_deny_list_is_written_as_it_is_compared() -> None:
    assert [glob for glob in DENIED if glob != glob.casefold()] == []


PARTS = st.text(max_size=5) | st.sampled_from([".git", "..", ".", "con", "~", "C:", ".env", "src"])


@settings(deadline=None)
@given(st.lists(PARTS, max_size=4), st.sampled_from(["/", "\\"]))
def test_what_is_allowed_stays_inside_wherever_it_is_put(parts: list[str], slash: str) -> None:
    name = slash.join(parts)
    if path_rule(name) is None:
        assert not name.startswith(("/", "\\"))
        for part in name.replace("\\", "/").split("/"):
            assert part.casefold().rstrip(". ") not in ("..", ".git", ".env", "con")
            assert part != ".."
        assert path_rule(f"src/{name}") is None
