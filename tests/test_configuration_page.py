"""docs/configuration.md and the schema say the same."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from phasr_lsp.adapters.config_files import Loaded, load
from phasr_lsp.adapters.data_files import catalogue
from phasr_lsp.adapters.kind_files import load_kinds
from phasr_lsp.adapters.prices import PriceMap
from phasr_lsp.domain.config import Config, Embedded, KindSettings, Limits, ModelSettings, Tiers

PAGE = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[BaseModel]] = {
    "tiers": Tiers,
    "kinds.NAME": KindSettings,
    "models.NAME": ModelSettings,
    "limits": Limits,
    "embedded": Embedded,
}
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE.partition("## Examples")[2].partition("\n## ")[0], re.DOTALL)


def schema() -> Iterator[tuple[str, object]]:
    """Every key with its default."""
    for name, field in Config.model_fields.items():
        if not any(section.split(".")[0] == name for section in SECTIONS):
            yield name, field.default
    for section, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            yield f"{section}.{name}", field.default


def page() -> dict[str, str]:
    """Every key of the page's tables with what stands under *default*."""
    return dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|", PAGE, re.MULTILINE))


def test_the_page_names_every_key_and_no_other() -> None:
    assert sorted(page()) == sorted(key for key, _ in schema())


def test_the_page_names_every_default() -> None:
    shown = page()
    for key, default in schema():
        match default:
            case None:
                assert not shown[key].startswith(("`0", "`1", '`"')), key
            case bool():
                assert shown[key] == f"`{str(default).lower()}`"
            case str():
                assert shown[key] == f'`"{default}"`'
            case _:
                assert shown[key] == f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_valid(example: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(example, encoding="utf-8")

    loaded = load(
        file,
        (),
        None,
        catalogue=catalogue(),
        known_models=PriceMap(),
        known_kinds=tuple(load_kinds(tmp_path, ())[0]),
        environ=os.environ,
    )

    assert loaded == Loaded(loaded.config, ())
    assert loaded.config != Config()
