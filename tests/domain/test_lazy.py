"""Code with parts left out, or one changed definition alone, becomes the whole file or is refused."""

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasr_lsp.domain.formats.filling.fill import Unfilled, filled, is_marker, is_removal

SHOP = dedent(
    '''\
    import os
    import sys


    class Shop:
        """Sells."""

        def __init__(self, name):
            self.name = name
            self.sold = 0

        @property
        def title(self):
            return self.name.title()

        # One at a time.
        def sell(self, thing):
            self.sold += 1
            print("sold", thing)
            return self.sold

        def close(self):
            print("closed", self.name)


    def main():
        shop = Shop("corner")
        shop.sell("bread")
        shop.close()


    def platform():
        if os.name == "nt":
            return 1
        return 2


    if __name__ == "__main__":
        main()
    '''
)
ROUTES = dedent(
    """\
    import express from "express";
    import { cors } from "./cors";

    const app = express();
    app.use(cors());

    app.get("/one", (req, res) => {
      const query = req.query;
      res.send(query);
    });

    app.get("/two", (req, res) => {
      if (req.quiet) {
        res.end();
      } else {
        res.send("two");
      }
    });

    export default app;
    """
)
PANEL = dedent(
    """\
    import React, { useState } from "react";

    interface Props {
      title: string;
    }

    export const Panel: React.FC<Props> = ({ title }) => {
      const [open, setOpen] = useState(false);

      const toggle = () => {
        setOpen(!open);
      };

      return (
        <div className="panel">
          <h1>{title}</h1>
          <Button onClick={toggle}>Toggle</Button>
          {open && (
            <ul>
              <li>One</li>
            </ul>
          )}
          <footer>
            <p>Done</p>
          </footer>
        </div>
      );
    };
    """
)
CART = dedent(
    """\
    using System;

    namespace Store
    {
        /// <summary>What is bought.</summary>
        public class Cart
        {
            private readonly List<Item> _items = new();

            [HttpGet]
            public IActionResult Get(int id)
            {
                var item = _items.Find(id);
                return Ok(item);
            }
        }
    }
    """
)
POINT = dedent(
    """\
    use std::io;

    #[derive(Debug)]
    pub struct Point {
        x: i32,
    }

    impl Point {
        pub fn new() -> Self {
            Point { x: 1 }
        }
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn zero() {
            assert_eq!(Point::new().x, 1);
        }
    }
    """
)
SERVER = 'package main\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc (s *Server) Stop() {\n\ts.db.Close()\n}\n'
PACKAGE = (
    '{\n  "name": "x",\n  "scripts": {\n    "build": "tsc",\n    "test": "jest"\n  },\n  "version": "1"\n}\n'
)
STEPS = "first()\nsecond()\nthird()\nfourth()\n"


def check(before: str, written: str, *changes: tuple[str, str]) -> None:
    """Whether `filled` gives `before` with the changes, each of which has its place exactly once."""
    after = before
    for old, new in changes:
        assert after.count(old) == 1, old
        after = after.replace(old, new)
    assert filled(before, written) == after


def refused(before: str, written: str, reason: str) -> None:
    result = filled(before, written)
    assert isinstance(result, Unfilled), result
    assert reason in result.reason


class TestMarkers:
    def test_what_is_left_out_stays(self) -> None:
        check(
            SHOP,
            '# ... existing code ...\n\ndef main():\n    shop = Shop("mall")\n'
            "    # ... existing code ...\n\n# ...\n",
            ('"corner"', '"mall"'),
        )

    def test_at_any_depth(self) -> None:
        check(
            ROUTES,
            dedent(
                """\
                // ... existing code ...
                app.get("/two", (req, res) => {
                  if (req.quiet) {
                    // ... existing code ...
                  } else {
                    res.send("zwei");
                  }
                });
                // ... rest of the code ...
                """
            ),
            ('"two"', '"zwei"'),
        )

    def test_a_misplaced_one_belongs_where_it_stands(self) -> None:
        check(
            SHOP,
            "class Shop:\n# ... existing code ...\n    def close(self):\n        self.sold = 0\n\n"
            "# ... rest of the file ...\n",
            ('print("closed", self.name)', "self.sold = 0"),
        )

    def test_in_jsx_that_has_no_such_comments(self) -> None:
        check(
            PANEL,
            dedent(
                """\
                export const Panel: React.FC<Props> = ({ title }) => {
                  // ... existing code ...

                  return (
                    <div className="panel">
                      // ... existing code ...
                      {open && (
                        <ul>
                          // ... existing code ...
                          <li>Two</li>
                        </ul>
                      )}
                      {/* ... rest of the existing code ... */}
                    </div>
                  );
                };
                """
            ),
            ("<li>One</li>\n", "<li>One</li>\n          <li>Two</li>\n"),
        )

    def test_behind_code_on_its_line(self) -> None:
        check(
            ROUTES,
            "// ...\n"
            'app.get("/one", (req, res) => { /* ... existing code ... */ });\n\n'
            'app.get("/more", (req, res) => {\n  res.send("more");\n});\n\n// ...\n',
            ('app.get("/two"', 'app.get("/more", (req, res) => {\n  res.send("more");\n});\n\napp.get("/two"'),
        )

    def test_that_stand_for_nothing(self) -> None:
        check(STEPS, "# ...\nfirst()\n# ...\nnew()\nsecond()\n# ...\n", ("first()\n", "first()\nnew()\n"))

    def test_of_the_imports(self) -> None:
        check(
            SHOP,
            "# ... existing imports ...\nimport json\n\n# ... existing code ...\n",
            ("import sys\n", "import sys\nimport json\n"),
        )

    def test_new_imports_above_them(self) -> None:
        check(
            SERVER,
            'import (\n    "log"\n    // ... existing imports ...\n)\n\n// ...\n',
            ('import (\n\t"fmt"', 'import (\n\t"log"\n\t"fmt"'),
        )

    def test_a_line_that_the_file_has_is_none(self) -> None:
        before = "def f():\n    # ... existing code ...\n    return 1\n"
        check(before, before.replace("1", "2"), ("1", "2"))


class TestRemoval:
    def test_takes_what_is_between_its_neighbours(self) -> None:
        check(STEPS, "first()\n# removed code\nfourth()\n", ("second()\nthird()\n", ""))

    def test_of_a_method_beside_what_stays(self) -> None:
        check(
            SHOP,
            dedent(
                """\
                class Shop:
                    # ... existing code ...

                    @property
                    def title(self):
                        return self.name.title()

                    # removed sell

                    def close(self):
                        # ... existing code ...
                # ...
                """
            ),
            (SHOP[SHOP.index("    # One at") : SHOP.index("    def close")], ""),
        )

    def test_refused_beside_a_marker_that_keeps(self) -> None:
        refused(STEPS, "first()\n# ...\n# removed code\nfourth()\n", "stays and for what goes")

    def test_refused_where_nothing_is(self) -> None:
        refused(STEPS, "# ...\nsecond()\n# removed code\nthird()\n# ...\n", "nothing that it could remove")


class TestWholeFiles:
    def test_with_comments_added(self) -> None:
        check(
            PANEL,
            PANEL.replace("  const toggle", "  // Opens and closes.\n  const toggle"),
            ("  const t", "  // Opens and closes.\n  const t"),
        )

    def test_with_a_changed_line(self) -> None:
        check(SHOP, SHOP.replace('"nt"', '"posix"'), ('"nt"', '"posix"'))

    def test_with_a_block_around_old_lines(self) -> None:
        inner = '    shop.sell("bread")\n    shop.close()\n'
        wrapped = '    with shop:\n        shop.sell("bread")\n        shop.close()\n'
        check(SHOP, SHOP.replace(inner, wrapped), (inner, wrapped))

    def test_with_more_behind(self) -> None:
        check(STEPS, STEPS + "fifth()\n", ("fourth()\n", "fourth()\nfifth()\n"))

    def test_with_moved_definitions(self) -> None:
        before = "def a():\n    one()\n\n\ndef b():\n    two()\n\n\ndef c():\n    three()\n"
        after = "def b():\n    two()\n\n\ndef a():\n    one()\n\n\ndef c():\n    four()\n"
        assert filled(before, after) == after

    def test_with_statements_replaced_by_a_definition_are_refused(self) -> None:
        before = "def f():\n    log()\n    log()\n    end()\n"
        written = "def f():\n    def g():\n        one()\n        two()\n\n    end()\n"
        refused(before, written, "`log()` would vanish")

    def test_with_a_comment_in_several_places(self) -> None:
        before = "def f():\n    # note\n    one()\n    two()\n    # note\n"
        refused(before, "def f():\n    three()\n    # note\n    # ...\n", "")

    @pytest.mark.parametrize("line", ["second()\n", "fourth()\n", "first()\nsecond()\nthird()\n"])
    def test_from_which_a_line_vanishes_are_refused(self, line: str) -> None:
        before = f"def f():\n    start()\n\n{STEPS}"
        assert isinstance(filled(before, before.replace(line, "")), Unfilled)

    def test_from_which_a_definition_vanishes_are_refused(self) -> None:
        gone = SHOP[SHOP.index("def platform") : SHOP.index("if __name__")]
        refused(SHOP, SHOP.replace(gone, "").replace("corner", "mall"), "`def platform():` would vanish")

    def test_in_which_several_lines_become_fewer_are_refused(self) -> None:
        refused(STEPS, "first()\nother()\n", "")

    def test_for_an_empty_file(self) -> None:
        assert filled("", "a = 1\n") == "a = 1\n"
        refused("", "a = 1\n# ...\n", "empty")


class TestParts:
    def test_one_class_of_several(self) -> None:
        before = "class A {\n  a() {\n    return 1;\n  }\n}\n\nclass B {\n  b() {\n    return 2;\n  }\n}\n"
        check(before, before[before.index("class B") :].replace("2", "3"), ("2", "3"))

    def test_a_method_with_another_indentation(self) -> None:
        check(
            SHOP,
            'def sell(self, thing, price):\n    self.sold += price\n    print("sold", thing)\n'
            "    return self.sold\n",
            ("def sell(self, thing)", "def sell(self, thing, price)"),
            ("self.sold += 1", "self.sold += price"),
        )

    def test_a_method_whose_first_line_lost_its_indentation(self) -> None:
        check(SHOP, 'def close(self):\n        print("shut", self.name)\n', ('"closed"', '"shut"'))

    def test_a_method_with_attributes_and_brackets_below(self) -> None:
        check(
            CART,
            "[HttpGet]\npublic IActionResult Get(int id)\n{\n    var item = _items.First(id);\n"
            "    return Ok(item);\n}\n",
            ("Find", "First"),
        )

    def test_with_an_import(self) -> None:
        check(
            SHOP,
            'import json\n\ndef close(self):\n    print("closed", json.dumps(self.name))\n',
            ("import sys\n", "import sys\nimport json\n"),
            ('"closed", self.name', '"closed", json.dumps(self.name)'),
        )

    def test_imports_and_a_function(self) -> None:
        check(
            SHOP,
            "import os\nimport sys\nimport json\n\n\ndef main():\n    shop = Shop(json.dumps(1))\n"
            '    shop.sell("bread")\n    shop.close()\n',
            ("import sys\n", "import sys\nimport json\n"),
            ('"corner"', "json.dumps(1)"),
        )

    def test_with_a_new_function_next_to_it(self) -> None:
        check(
            SHOP,
            'def main():\n    shop = Shop("mall")\n    shop.sell("bread")\n    shop.close()\n\n\n'
            "def new():\n    return 3\n",
            ('"corner"', '"mall"'),
            ("\n\ndef platform", "\n\ndef new():\n    return 3\n\n\ndef platform"),
        )

    def test_the_file_s_end_and_more(self) -> None:
        check(STEPS, "third()\nfourth()\nfifth()\n", ("fourth()\n", "fourth()\nfifth()\n"))

    def test_tabs_stay_tabs(self) -> None:
        check(
            SERVER,
            "func (s *Server) Stop() {\n    s.db.Close()\n    s.log.Close()\n}\n",
            ("\ts.db.Close()\n", "\ts.db.Close()\n\ts.log.Close()\n"),
        )

    def test_a_method_of_several_classes_is_refused(self) -> None:
        before = (
            "class A:\n    def run(self):\n        return 1\n\n\nclass B:\n    def run(self):\n        return 1\n"
        )
        refused(before, "def run(self):\n    return 2\n", "several definitions")

    def test_a_class_without_all_its_members_is_refused(self) -> None:
        refused(SHOP, 'class Shop:\n    """Sells."""\n\n    def close(self):\n        pass\n', "would vanish")

    def test_what_is_nowhere_in_the_file_is_refused(self) -> None:
        refused(SHOP, "answer = 42\nprint(answer)\n", "too little in common")

    def test_half_a_block_is_refused(self) -> None:
        refused(POINT, "// ...\n    #[test]\n    fn one() {\n        assert!(true);\n    }\n}\n", "brackets")


class TestInsertions:
    def test_at_the_end_of_a_class(self) -> None:
        check(
            SHOP,
            "class Shop:\n    # ... existing methods ...\n\n    def open(self):\n        return True\n\n# ...\n",
            ('("closed", self.name)\n', '("closed", self.name)\n\n    def open(self):\n        return True\n'),
        )

    def test_between_two_anchors(self) -> None:
        check(
            PANEL,
            dedent(
                """\
                // ... existing code ...
                interface Props {
                  title: string;
                  subtitle?: string;
                }

                export const Panel: React.FC<Props> = ({ title, subtitle }) => {
                  const [open, setOpen] = useState(true);
                  const [count, setCount] = useState(0);

                  // ... existing code ...

                  return (
                    <div className="panel">
                      <h1>{title}</h1>
                      <h2>{subtitle}</h2>
                      {/* ... existing code ... */}
                    </div>
                  );
                };
                """
            ),
            ("title: string;\n", "title: string;\n  subtitle?: string;\n"),
            ("({ title })", "({ title, subtitle })"),
            ("useState(false);\n", "useState(true);\n  const [count, setCount] = useState(0);\n"),
            ("</h1>\n", "</h1>\n      <h2>{subtitle}</h2>\n"),
        )

    def test_in_front_of_an_anchor_with_decorators(self) -> None:
        default = "impl Default for Point {\n    fn default() -> Self {\n        Point::new()\n    }\n}\n"
        check(
            POINT,
            f"// ...\n\n{default}\n#[cfg(test)]\n// ... existing code ...\n",
            ("#[cfg(test)]", f"{default}\n#[cfg(test)]"),
        )

    def test_below_a_member_that_had_been_the_last(self) -> None:
        check(
            PACKAGE,
            '{\n  // ...\n  "scripts": {\n    // ...\n    "lint": "eslint"\n  },\n  // ...\n}\n',
            ('"jest"\n', '"jest",\n    "lint": "eslint"\n'),
        )

    def test_of_a_branch(self) -> None:
        check(
            SHOP,
            'def platform():\n    if os.name == "nt":\n        # ...\n    elif os.name == "java":\n'
            "        return 3\n    # ...\n",
            ("        return 1\n", '        return 1\n    elif os.name == "java":\n        return 3\n'),
        )

    def test_a_changed_line_at_a_marker_is_told_by_its_name(self) -> None:
        check(SHOP, "def platform():\n    # ...\n    return 3\n", ("return 2", "return 3"))

    @pytest.mark.parametrize(
        ("before", "written", "reason"),
        [
            pytest.param(STEPS, "# ...\nnew()\n# ...\n", "could go anywhere", id="markers on both sides"),
            pytest.param(
                STEPS * 2, "# ...\nsecond()\nnew()\n# ...\n", "could go anywhere", id="an anchor that repeats"
            ),
            pytest.param(STEPS, "# ...\nthird()\n# ...\nsecond()\n# ...\n", "another order", id="another order"),
            pytest.param(
                "log('a', x)\nlog('b', y)\n",
                "# ...\nlog('b', z)\n",
                "new or be a changed line",
                id="new or changed",
            ),
            pytest.param(
                STEPS,
                "first()\nif ok:\n    second()\n# ...\n",
                "stands for some of its lines",
                id="lines kept twice",
            ),
            pytest.param(STEPS, "# ...\nwith it:\n    # ...\n", "nothing like it", id="new code with a marker"),
            pytest.param(
                POINT,
                "fn early() {}\n// ... existing code ...\n",
                "above the first lines",
                id="above the imports",
            ),
        ],
    )
    def test_without_a_certain_place_is_refused(self, before: str, written: str, reason: str) -> None:
        refused(before, written, reason)


@pytest.mark.parametrize(
    "line",
    [
        "// ... existing code ...",
        "    # ... rest of the file ...",
        "/* ... */",
        "{/* ... existing code ... */}",
        "<!-- ... existing code ... -->",
        "-- ... existing code ...",
        ";; ... rest of the code ...",
        "// rest of the code remains the same",
        "# Other methods remain unchanged",
        "// ... (rest of the class)",
        "// [existing code]",
        "/* existing styles remain unchanged */",
        "// ... keep existing code (methods)",
        "# omitted for brevity",
        "// existing methods...",
        "... existing code ...",
        "...",
        "…",
    ],
)
def test_markers(line: str) -> None:
    assert is_marker(line)
    assert not is_removal(line)


@pytest.mark.parametrize(
    "line",
    ["// Plandex: removed code", "# (removed)", "/* removed */", "// Removed the old check", "# code removed"],
)
def test_removal_markers(line: str) -> None:
    assert is_removal(line)
    assert not is_marker(line)


@pytest.mark.parametrize(
    "line",
    [
        "# process the remaining items...",
        "// Loading...",
        "// other options",
        "// Use the existing connection",
        "// Removed users are skipped",
        "# Remove trailing slashes",
        "  ...rest,",
        "// TODO: more ...",
        "x = 1  # ...",
    ],
)
def test_comments_that_mean_what_they_say(line: str) -> None:
    assert not is_marker(line)
    assert not is_removal(line)


Tree = list[tuple[str, "Tree | None"]]
"""Statements, each with what is below it."""


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> Tree:
    """Statements of which some occur many times, some once."""
    tree: Tree = []
    for _ in range(draw(st.integers(1, 5))):
        number = draw(st.integers(0, 40))
        kind = draw(
            st.sampled_from(("def f{}(a):", "if c{}:", "log()", "v{} = 1", "api.call{}(p{})", "# note {}"))
        )
        head = kind.format(number, number)
        tree.append((head, draw(trees(depth + 1)) if head.endswith(":") and depth < 2 else None))
    return [(head + " pass" if below is None and head.endswith(":") else head, below) for head, below in tree]


def rendered(tree: Tree, depth: int = 0) -> str:
    return "".join("    " * depth + head + "\n" + rendered(below or [], depth + 1) for head, below in tree)


@st.composite
def edits(draw: st.DrawFn, tree: Tree) -> tuple[Tree, Tree]:
    """A tree after changes that leave no doubt to a reader, and how a lazy model would write it."""
    after: Tree = []
    written: Tree = []
    at = 0
    while at < len(tree):
        head, below = tree[at]
        action = draw(st.sampled_from(("mark", "remove", "insert", "change", "keep", "keep")))
        marked = bool(written) and written[-1][0].startswith("# ...")
        if action == "mark" and not marked:
            end = at + draw(st.integers(1, 3))
            after += tree[at:end]
            written.append(("# ... existing code ...", None))
            at = end
            continue
        if action == "remove" and written and not marked and at + 1 < len(tree):
            written.append(("# removed code", None))
            at += 1
            head, below = tree[at]
        if action == "insert":
            fresh = draw(st.sampled_from(("fresh{} = new{}", "build{}(thing{})"))).format(at, at)
            after.append((fresh, None))
            written.append((fresh, None))
        if action == "change" and head.startswith("v"):
            head += " + 7"
        shown: Tree | None = None
        if below is not None:
            below, shown = draw(edits(below))
        after.append((head, below))
        written.append((head, shown))
        at += 1
    return after, written


@pytest.mark.timeout(120)
@settings(deadline=None, max_examples=400)
@given(st.data())
def test_a_lazy_text_gives_the_file_that_was_meant_or_nothing(data: st.DataObject) -> None:
    tree = data.draw(trees())
    after, written = data.draw(edits(tree))
    result = filled(rendered(tree), rendered(written))
    assert isinstance(result, Unfilled) or result == rendered(after)


@pytest.mark.timeout(120)
@settings(deadline=None, max_examples=200)
@given(trees())
def test_a_text_is_its_own_whole_file(tree: Tree) -> None:
    text = rendered(tree)
    result = filled(text, text)
    assert result == text or (isinstance(result, Unfilled) and "holds no code" in result.reason)


ANYTHING = st.lists(
    st.sampled_from(
        (
            "{",
            "}",
            "  x = 1",
            "    # ...",
            "# removed code",
            "f(",
            ")",
            "def f():",
            "`",
            '"""',
            "</a>",
            "@x",
            "\t\ty",
            "",
        )
    )
    | st.text(max_size=8),
    max_size=15,
).map("\n".join)


@pytest.mark.timeout(120)
@settings(deadline=None, max_examples=400)
@given(ANYTHING, ANYTHING)
def test_no_text_makes_it_raise(before: str, written: str) -> None:
    assert isinstance(filled(before, written), str | Unfilled)
