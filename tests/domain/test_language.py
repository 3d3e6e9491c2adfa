"""Which language a file is in, and where its tests stand."""

import pytest

from phasr_lsp.adapters.data_files import languages
from phasr_lsp.domain import language as domain_language
from phasr_lsp.domain.language import language_of

TABLE = languages()


@pytest.mark.parametrize(
    ("name", "editor_id", "expected"),
    [
        ("a.py", None, "python"),
        ("a.py", "python", "python"),
        ("a.PY", None, "python"),
        ("a.pyi", "plaintext", "python"),
        ("noext", "python", "python"),
        ("a.txt", "typescriptreact", "tsx"),
        ("a.ts", "javascript", "javascript"),
        ("a.tsx", None, "tsx"),
        ("folder.py/a", None, None),
        ("script", "shellscript", "bash"),
        ("a.tar.gz", None, None),
        ("Makefile", "makefile", None),
        (".py", None, None),
    ],
)
def test_the_editor_knows_the_language_best_then_the_extension(
    name: str, editor_id: str | None, expected: str | None
) -> None:
    found = language_of(name, editor_id, TABLE.values())
    assert (found and found.name) == expected


@pytest.mark.parametrize(
    ("language", "name", "existing", "expected"),
    [
        pytest.param("python", "shop/cart.py", [], "tests/test_cart.py", id="the convention's place"),
        pytest.param("python", "cart.py", ["shop/test_cart.py"], "shop/test_cart.py", id="the one there is"),
        pytest.param(
            "python", "a/cart.py", ["b/test_cart.py", "c/test_cart.py"], "tests/test_cart.py", id="two: neither"
        ),
        pytest.param("python", "tests/test_cart.py", [], "tests/test_cart.py", id="a test file tests itself"),
        pytest.param("go", "shop/cart.go", [], "shop/cart_test.go", id="beside the file"),
        pytest.param("go", "shop/cart_test.go", [], "shop/cart_test.go", id="a Go test file"),
        pytest.param("typescript", "cart.ts", [], "cart.test.ts", id="at the top of the workspace"),
        pytest.param("typescript", "src/cart.test.ts", [], "src/cart.test.ts", id="a TypeScript test file"),
        pytest.param("java", "src/Cart.java", ["test/CartTest.java"], "test/CartTest.java", id="Java"),
        pytest.param("rust", "src/lib.rs", ["src/lib.rs"], "tests/lib.rs", id="Rust, told by its folder"),
        pytest.param("rust", "tests/lib.rs", ["tests/lib.rs"], "tests/lib.rs", id="a Rust test file"),
        pytest.param("lua", "a.lua", [], None, id="no convention"),
    ],
)
def test_tests_go_where_the_language_has_them(
    language: str, name: str, existing: list[str], expected: str | None
) -> None:
    assert domain_language.test_file(name, TABLE[language], existing) == expected
