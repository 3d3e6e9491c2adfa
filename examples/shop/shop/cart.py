"""What a customer is about to buy."""

from dataclasses import dataclass, field

from shop.prices import discounted


@dataclass
class Line:
    name: str
    cents: int
    quantity: int = 1


@dataclass
class Cart:
    lines: list[Line] = field(default_factory=list)

    def add(self, name: str, cents: int, quantity: int = 1) -> None:
        self.lines.append(Line(name, cents, quantity))

    def total(self, percent: int = 0) -> int:
        whole = sum(line.cents * line.quantity for line in self.lines)
        return discounted(whole, percent)

    def most_expensive(self) -> Line | None:
        """The line whose price times quantity is highest; None for an empty cart."""
        raise NotImplementedError
