"""What lies in the store room."""

import json
import os
from pathlib import Path


def load(path: Path) -> dict[str, int]:
    return json.loads(path.read_text())


def remove(stock: dict[str, int], name: str, quantity: int) -> None:
    stock[name] = stock[name] - quantity


def boxes_needed(quantity: int, per_box: int) -> int:
    return math.ceil(quantity / per_box)
