"""Names for clients and debtors: many scripts, and the ones that break pages, exports and columns."""

from random import Random

LONG = ("Internationale Verwaltungs- und Beteiligungsgesellschaft für grenzüberschreitende Forderungen " * 3)[:184]

# (name, country): the awkward ones stand among the plain ones, so that small worlds meet them too.
COMPANIES: tuple[tuple[str, str], ...] = (
    ("Nordlys Energi A/S", "DK"),
    ("Hanse Logistik GmbH", "DE"),
    ("<b>Bold & Sons</b>", "GB"),
    ("Nørrebro Ærlig Håndværk ApS", "DK"),
    ("Great Lakes Supply Co.", "US"),
    ("Ελληνική Ναυτιλιακή Α.Ε.", "GR"),
    ("=SUM(A1) Ltd", "GB"),
    ("Västkust Trävaror AB", "SE"),
    ("Żółta Łódź Sp. z o.o.", "PL"),
    ("株式会社さくら商事", "JP"),
    ("\"Quotes\" 'R' Us", "US"),
    ("شركة النور للتجارة العامة", "AE"),
    ("Brunnen & Söhne KG", "DE"),
    ("北京长城贸易有限公司", "CN"),
    ("Fjordbygg AS", "NO"),
    (f"{LONG} mbH", "DE"),
    ('אור הגליל בע"מ', "IL"),
    ("🚀 Rocket Receivables", "NL"),
    ("Alpenblick Treuhand AG", "CH"),
    ("L'Été à Marseille, S.à r.l.", "FR"),
    ("<script>alert(1)</script> AB", "SE"),
    ("+45 Call Center; Kolding", "DK"),
    ("-10% Discount Stores", "US"),
    ("@Work Staffing B.V.", "NL"),
    ("Kowalski i Wspólnicy", "PL"),
    ("Thames & Tyne Plumbing Ltd", "GB"),
    ("O\N{RIGHT SINGLE QUOTATION MARK}Brien, Döring & Cie", "FR"),
    ("Null", "US"),
)

_FIRST = (
    "Aalborg",
    "Baltic",
    "Cedar",
    "Delta",
    "Elbe",
    "Falcon",
    "Granit",
    "Harbor",
    "Iris",
    "Jutland",
    "Kestrel",
)
_TRADE = (
    "Bau",
    "Consulting",
    "Data",
    "Foods",
    "Freight",
    "Interiors",
    "Medical",
    "Print",
    "Solar",
    "Textiles",
)
_FORM = {"DK": "ApS", "DE": "GmbH", "SE": "AB", "GB": "Ltd", "US": "LLC", "PL": "Sp. z o.o.", "FR": "SARL"}

DEBTORS: dict[str, tuple[str, ...]] = {
    "DK": ("Søren Ågård", "Mette Kjær", "Byens Køkken ApS"),
    "DE": ("Jürgen Müßig", "Café Größenwahn GmbH", "Anna-Lena von der Höhe"),
    "SE": ("Åsa Öberg", "Björn Sjölander", "Mälardalens Måleri AB"),
    "GB": ("Oliver St John-Smythe", "Pemberton & Daughters Ltd", "A. N. Other"),
    "US": ("Miguel Peña", "Dolores O'Riordan", "Blue Ridge Diner, Inc."),
    "PL": ("Zażółć Gęślą", "Stanisław Łącki", "Sklep U Jędrka"),
    "JP": ("山田太郎", "有限会社ひまわり", "佐藤花子"),
    "GR": ("Γιώργος Παπαδόπουλος", "Ταβέρνα Η Θάλασσα", "Ελένη Νικολάου"),
    "FR": ("Anaïs Lefèvre", "Boulangerie de l'Œuvre", "Noël Grünwald"),
    "NO": ("Kåre Bjørnstad", "Ingrid Sæther", "Fjell & Fjord Kafé"),
    "CH": ("Urs Zürcher", "Garage Röösli", "Claudia Bühlmann"),
    "CN": ("王小明", "上海浦东机械厂", "李娜"),
    "AE": ("محمد الأحمد", "مطعم الواحة", "ليلى حسن"),
    "IL": ("דוד כהן", "מאפיית הגליל", "רחל לוי"),
    "NL": ("Sjoerd van 't Hof", "De Gouden Leeuw V.O.F.", "<i>Jansen</i>"),
}


def company(number: int, rng: Random) -> tuple[str, str]:
    """The `number`-th client (from 0) as (name, country)."""
    if number < len(COMPANIES):
        return COMPANIES[number]
    country = rng.choice(sorted(_FORM))
    return f"{rng.choice(_FIRST)} {rng.choice(_TRADE)} {number} {_FORM[country]}", country


def debtor(country: str, rng: Random) -> str:
    """A debtor's name from that country; a number tells namesakes apart more often than not."""
    name = rng.choice(DEBTORS[country])
    return name if rng.random() < 0.4 else f"{name} {rng.randint(2, 99)}"
