"""Money as text and the one rounding of Feeboard. Pure: no Django, no database.

Amounts are Decimals from Debitura's JSON to the screen. A float is refused, because it has already lost what it was.
Sums are rounded here and nowhere else, once, and half to even: the provider's guide shows 167.60 as half of 335.21
(docs/adr/0001-money.md).
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

UNKNOWN = "—"
MINUS = "\N{MINUS SIGN}"

# Wide enough that rounding never fails: the sum of a billion amounts of 15 digits with 28 behind the point.
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)
_USD_PLACES = 2
# Decimal places of the currencies that do not have two (ISO 4217).
_PLACES = dict.fromkeys(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ),
    0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
_UNITS = ("", "k", "M", "bn")


def rounded(amount: Decimal, currency: str = "USD") -> Decimal:
    """`amount` in whole units of the smallest coin of `currency` (an ISO 4217 code; two places where it is unknown).

    A tie goes to the even neighbour; zero never carries a sign. Raises TypeError for anything but a Decimal and
    ValueError for NaN and infinity.
    """
    return _to_places(amount, _PLACES.get(currency.upper(), _USD_PLACES))


def cents(amount: Decimal) -> Decimal:
    """`amount` of USD rounded to the cent. Raises as `rounded` does."""
    return _to_places(amount, _USD_PLACES)


def whole_number(value: Decimal) -> Decimal:
    """A figure that is no money, such as an index, rounded to a whole number. Raises as `rounded` does."""
    return _to_places(value, 0)


def format_amount(amount: Decimal | None, currency: str = "USD", *, compact: bool = False) -> str:
    """`amount` as people read it, without the currency: "1,234.50", "−3.00", "0.00", and "—" where it is unknown.

    `compact` shortens from a thousand on: "12.4k", "1.2M". Raises as `rounded` does.
    """
    if amount is None:
        return UNKNOWN
    value = rounded(amount, currency)
    size = value.copy_abs()
    text = _shortened(size) if compact else f"{size:,f}"
    return MINUS + text if value < 0 else text


def _shortened(value: Decimal) -> str:
    if value < 1000:
        return f"{value:,f}"
    short, unit = value, 0
    # The rounded figure decides: 999,950 is 1.0M, not 1000.0k.
    while _to_places(short, 1) >= 1000 and unit < len(_UNITS) - 1:
        short, unit = short / 1000, unit + 1
    return f"{_to_places(short, 1):,f}{_UNITS[unit]}"


def _to_places(amount: Decimal, places: int) -> Decimal:
    if not isinstance(amount, Decimal):
        raise TypeError(f"{amount!r} is a {type(amount).__name__}; money is a Decimal.")
    if not amount.is_finite():
        raise ValueError(f"{amount} is no amount of money.")
    value = _CONTEXT.quantize(amount, Decimal(1).scaleb(-places))
    return value if value else value.copy_abs()
