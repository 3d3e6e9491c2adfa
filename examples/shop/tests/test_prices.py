from shop.prices import format_price


def test_cents_have_two_digits():
    assert format_price(705) == "€7.05"
