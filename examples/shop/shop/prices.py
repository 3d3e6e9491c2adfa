"""Prices in cents."""


def discounted(cents, percent):
    """The price after a discount, rounded to the nearest cent."""
    return round(cents * (100 - percent) / 100)


def parse_price(text):
    whole, _, fraction = text.strip().lstrip("€$").partition(".")
    return int(whole) * 100 + int(fraction.ljust(2, "0")[:2] or 0)


def format_price(cents, currency="€"):
    return f"{currency}{cents // 100}.{cents % 100:02d}"
