"""Countries (with the number that `CountryIds` uses), currencies, their rates, and collection partners."""

from decimal import Decimal

# ISO code: (id, name, currency)
COUNTRIES: dict[str, tuple[int, str, str]] = {
    "DK": (1, "Denmark", "DKK"),
    "DE": (2, "Germany", "EUR"),
    "SE": (3, "Sweden", "SEK"),
    "GB": (4, "United Kingdom", "GBP"),
    "US": (5, "United States", "USD"),
    "PL": (6, "Poland", "PLN"),
    "JP": (7, "Japan", "JPY"),
    "GR": (8, "Greece", "EUR"),
    "FR": (9, "France", "EUR"),
    "NO": (10, "Norway", "NOK"),
    "CH": (11, "Switzerland", "CHF"),
    "CN": (12, "China", "CNY"),
    "AE": (13, "United Arab Emirates", "AED"),
    "IL": (14, "Israel", "ILS"),
    "NL": (15, "Netherlands", "EUR"),
}

# USD for one unit, at the start of every world's history.
USD_RATES: dict[str, Decimal] = {
    "EUR": Decimal("1.0831207"),
    "DKK": Decimal("0.1452038"),
    "SEK": Decimal("0.0955641"),
    "GBP": Decimal("1.2674315"),
    "USD": Decimal("1.0000000"),
    "PLN": Decimal("0.2511873"),
    "JPY": Decimal("0.0066821"),
    "NOK": Decimal("0.0938447"),
    "CHF": Decimal("1.1302264"),
    "CNY": Decimal("0.1389516"),
    "AED": Decimal("0.2722941"),
    "ILS": Decimal("0.2713358"),
}

NO_CENTS = frozenset({"JPY"})

COLLECTION_PARTNERS: dict[int, str] = {
    1: "Nordisk Inkasso A/S",
    2: "Rhein Forderungsmanagement GmbH",
    3: "Albion Recoveries Ltd",
    4: "Liberty Collections LLC",
    5: "Wisła Windykacja Sp. z o.o.",
    6: "東京債権回収株式会社",
}


def smallest_unit(currency: str) -> Decimal:
    """The step of a payment's amount: whole yen, else cents."""
    return Decimal(1) if currency in NO_CENTS else Decimal("0.01")
