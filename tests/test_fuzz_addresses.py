"""Whatever stands in an address, a form or a header: every page, export and answer of the API copes with it.

Every route of the resolver is asked, and first of all to learn which names it looks for; then each of these is sent every
hostile value there is. A route or a name that is added later is among them by itself.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import product, starmap
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes
from uuid import UUID

import pytest
from django.conf import settings
from django.forms import BaseForm
from django.http import QueryDict
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import ApiToken, Invitation, Role
from accounts.roster.joining import invite
from partners.models import Case
from partners.reference_imports import look_through
from revenue.stages import Stage
from revenue.views.downloads import CONTENT_TYPES
from tests.addresses import PARAMETER, addresses, every_route
from tests.factories import (
    make_account,
    make_case,
    make_client,
    make_member,
    make_run,
    make_transaction,
    make_user,
    sign_in_now,
)
from tests.fuzzing import FUZZ, tries, undone
from tests.partners.hostile import HOSTILE
from tests.walls.builders import browser_of, make_screen

pytestmark = pytest.mark.django_db

# Our own; the sandbox is the other side.
ROOMS = [app for app in ("config", *settings.INSTALLED_APPS) if (settings.BASE_DIR / app).is_dir() and app != "sandbox"]
OWN, THEIRS = UUID(int=0xC1), UUID(int=0xC3)
# What nearly is a number, a day, a zone, a key to sort by, an id or an address; and what other programs would carry out.
SHAPES: list[str | bytes] = [
    *(
        "",
        " ",
        "0",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "0x10",
        "NaN",
        "Infinity",
        "٣",
        "１２",
        "²",
        "9" * 18,
        "9" * 19,
        "9" * 5000,
    ),
    *(
        "0001-01-01",
        "9999-12-31",
        "1900-01-01",
        "2200-12-31",
        "2026-02-30",
        "2026-3-1",
        "٢٠٢٦-٠٣-٠١",
        "2026-03-01T00:00Z",
        "2026-02-30T25:00:00Z",
        "9999-12-31T23:59:59-14:00",
    ),
    *("../../etc/passwd", "/etc/localtime", "Europe/../Europe/Rome", "localtime", "Factory", "utc", "posix/UTC"),
    *(
        "-",
        "--fee",
        "-fee,case",
        "fee; DROP TABLE x",
        "' OR 1=1 --",
        "%",
        "_",
        "\\",
        "%s%n",
        "{0.__class__}",
        "{{7*7}}",
    ),
    *(
        "__proto__",
        "null",
        "None",
        "true",
        "[]",
        "{}",
        "a,b;c",
        "раid",
        "PAID",
        "paid ",
        str(THEIRS),
        "other",
        "QTHEIRS",
    ),
    *("//evil.example", "javascript:alert(1)", "/\\evil.example", "http://[", "\r\nX: y", "<script>alert(1)</script>"),
]
# Letters that databases, encodings and files do not take, or take for others.
LETTERS: list[str | bytes] = [
    *("\0", "a\0b", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"%C3%28", "%00", "\ufeff", "\ufffe\uffff", "\x01\x1b[31m"),
    *("x" * 10_000, "🧾" * 2000, "e\u0301" * 100, "\u202eabc", "ﬁßİı", "\u2028", "\t\x0b\x0c", "a\nb", "\r", "&a=b#c"),
    *("2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "9" * 30, "9" * 5000),
    *("1900-01-01", "2200-12-31", "1899-12-31", "10000-01-01", "'", '"', "\\u0000", "%", "\\", "NULL", *HOSTILE),
    *("[" * 9999, "NaN", '{"id":"\\ud800","rawId":"\\u0000"}', '{"id":1e999,"response":{"userHandle":null}}'),
]
UNKNOWN: list[str | bytes] = [
    "",
    "__proto__",
    "constructor",
    "a[]",
    "stage[]",
    "from[$ne]",
    "tz.x",
    "\0",
    b"\xff",
    "x" * 10_000,
    "page\n",
]
# A form as it might be sent; what it does not name is left out.
FORM = {
    "reference": "mine",
    "was": "",
    "welcomeMessage": "Welcome!",
    "userEmail": "anna@partner.example",
    "text": "QOWN,mine",
    "name": "mine",
    "scopes": "read",
    "lifetime": "never",
    "username": "anna@partner.example",
    "password": "a long enough pass phrase",
    "email": "other@partner.example",
    "role": "finance",
    "which": "collection",
    "collection-base_url": "http://127.0.0.1:9",
    "collection-key": "a new key of the provider",
}
HEADERS = [
    *(
        {"Accept": value}
        for value in ("", "a/b;;;=", "*/*;q=nan", "image/png", "\xff", "text/html;version=\0", "a," * 5000)
    ),
    *({"Accept-Language": value} for value in ("xx-invalid", "en;q=9", "\xff", "\0", "a," * 5000)),
    *({"Accept-Encoding": value} for value in ("*;q=x", "\xff", "gzip;q=0")),
    *({"If-None-Match": value} for value in ('"', "*", 'W/"\xff"', "\0", '"a",' * 2000)),
    *(
        {"If-Modified-Since": value}
        for value in ("yesterday", "Thu, 99 Foo 9999 99:99:99 GMT", "Sun, 06 Nov 0000 08:49:37 GMT")
    ),
    *({"Range": value} for value in ("bytes=0-", "bytes=-1", "bytes=9-1", "lines=\xff")),
    *({"Host": value} for value in ("evil.example", "localhost:99999", "[::1", "", "local\0host", "\xff", "a" * 5000)),
    *(
        {"X-Forwarded-For": value}
        for value in ("", "1.2.3.4, \xff", "::ffff:999.1.1.1", "fe80::1%eth0", "\0", "1," * 5000)
    ),
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "\0"},
    *(
        {"Cookie": value}
        for value in (";;;=", "sessionid=\0", "sessionid=\xff; csrftoken=\xff", "sessionid=../../etc", "messages=[]")
    ),
    *(
        {"Cookie": value}
        for value in ("sessionid=" + "a" * 10_000, "csrftoken=\0", 'messages="[[\\"__json_message\\"]]"')
    ),
    *(
        {"Authorization": value}
        for value in ("", "Bearer", "Bearer ", "Bearer \xff", "Bearer \0", "Bearer fb_" + "a" * 10_000)
    ),
    *({"Authorization": value} for value in ("Basic !!!", "Basic Og==", "\xff", "\0")),
    *(
        {"HX-Request": "true", "HX-Target": value, "HX-Current-URL": value}
        for value in ("\xff", "//evil.example", "\0")
    ),
    *({"Origin": value, "Referer": value} for value in ("null", "http://[", "\xff", "https://evil.example", "//\0")),
    *({"X-CSRFToken": value} for value in ("\0", "\xff", "a" * 10_000)),
]
BODIES = [
    b"",
    b"\xff",
    b"{",
    b"[" * 100_000,
    b"null",
    b'{"a":1e999}',
    b"--x\r\n",
    b"a=%ED%A0%80&b=%FF&c=%00",
    b"&" * 2000,
]
TYPES = [
    *(
        "",
        "\xff",
        "application/json",
        "application/json; charset=klingon",
        "application/x-www-form-urlencoded; charset=x",
    ),
    *(
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "text/csv; charset=utf-7",
    ),
    *("multipart/form-data; boundary=" + "x" * 1000, "application/x-www-form-urlencoded; charset=utf-16", "a" * 5000),
]
# The converters that take nearly any text.
ANY = ("", "str", "path", "anything")
METHODS = ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "\xff")
LARGEST_ANSWER = 2_000_000  # bytes


class Read(NamedTuple):
    """Somebody's parameter or field, and how it is sent; or a route, and how it is asked."""

    who: str
    method: str
    name: str


class Names(NamedTuple):
    """What is looked for at an address of a route, at that one of which this is the number."""

    at: int
    names: list[str]


Pairs = Sequence[tuple[str | bytes, str | bytes]]
# What each method of each route reads of whom: found once, as it does not turn on what is in the database.
READ: dict[Read, Names] = {}


class Site:
    """The site with something of every kind in it. browsers: of each who asks, by what they are; their cookies never change."""

    def __init__(self, values: Mapping[str, Sequence[object]], browsers: Mapping[str, Client]) -> None:
        self.values = values
        self.cookies = {who: str(browser.cookies.output(header="", sep=";")) for who, browser in browsers.items()}

    def addresses(self, route: str) -> list[str]:
        """Those of a route: what is not known by name is tried by its kind."""
        kinds = {name: self.values.get(kind, HOSTILE) for kind, name in PARAMETER.findall(route)}
        return addresses(route, kinds | dict(self.values))

    def ask(self, method: str, address: str, *, who: str = "admin", **options: Any) -> Any:
        """The answer, which has to be sound; what was done for it is undone."""
        browser = Client(enforce_csrf_checks="Origin" in options.get("headers", {}))
        if "Cookie" not in options.get("headers", {}):
            browser.cookies.load(self.cookies[who])
        with undone():
            answer = browser.generic(method, address, **options)
            _is_sound(address, answer)
        return answer

    def send(self, method: str, address: str, pairs: Pairs, **options: Any) -> Any:
        """`pairs` as parameters; for POST as fields of a form besides, with what FORM holds for the others."""
        query = _encoded(pairs)
        answer = self.ask(method, f"{address}?{query}", **self._form(method, pairs), **options)
        if address.startswith("/api/v1/") and not re.match("/api/v1/(docs|schema)", address):
            assert answer["Content-Type"] == "application/json"
        return answer

    def _form(self, method: str, pairs: Pairs) -> dict[str, str]:
        if method == "GET":
            return {}
        named = {name for name, _ in pairs}
        body = _encoded([*((name, value) for name, value in FORM.items() if name not in named), *pairs])
        return {"data": body, "content_type": "application/x-www-form-urlencoded"}


def _encoded(pairs: Pairs) -> str:
    return "&".join("=".join(quote_from_bytes(_bytes(part)) for part in pair) for pair in pairs)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")


def _is_sound(address: str, answer: Any) -> None:
    """No defect, not without bounds, and what it says it is. A probe may say that nothing was pulled of late."""
    assert answer.status_code < 500 or (address.startswith("/readyz") and answer.status_code == 503)
    body: bytes = answer.getvalue()
    assert len(body) < LARGEST_ANSWER
    assert b"Traceback (most recent" not in body
    if answer.status_code < 300 and body:
        assert answer["X-Content-Type-Options"] == "nosniff"
    if body.strip():
        assert answer["Content-Type"].partition(";")[0] in _kinds(body.strip())


def _kinds(body: bytes) -> set[str]:
    """What it may be, as it begins: nothing but a page may pass for one."""
    if body.startswith(b"<"):
        return {"text/html"}
    if body.startswith((b"{", b"[")):
        return {"application/json"}
    if body.startswith(b"PK"):
        return {CONTENT_TYPES[".xlsx"], CONTENT_TYPES[".zip"]}
    return {"text/csv", "text/plain", "application/vnd.oai.openapi"}


# --- What there is ------------------------------------------------------------------------------------


@pytest.fixture
def site(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Site:
    """Two accounts, and people of the first one; Debitura is out of reach, and nothing is begun beside the test."""
    settings.API_REQUESTS_PER_MINUTE = 10**6
    settings.TRUST_X_FORWARDED_FOR = True
    monkeypatch.setattr("revenue.tasks._start_in_thread", lambda *given: None)
    account = make_account(slug="acme", name="Acme Referrals", collection_base_url="http://127.0.0.1:9")
    account.collection_key, account.webhook_secret = "key", b64encode(bytes(32)).decode()
    account.save()
    client = make_client(account, creditor_id=OWN, external_tenant_id="tenant")
    case = make_case(client, reference="QOWN", lifecycle="PendingVerification", partner_reference="mine")
    for stage in Stage:
        make_transaction(case=case, stage=stage)
    make_case(make_client(make_account(slug="other"), creditor_id=THEIRS), reference="QTHEIRS")
    admin = make_user("anna@partner.example")
    found = look_through(Case.objects.all(), "QOWN,new\nunknown,x", account=account, by=admin)
    ApiToken.issue(admin)
    invited = invite(account, email="new@partner.example", role=Role.CLIENT, clients=[client], by=admin)
    people = {
        "admin": admin,
        "manager": make_member(account, Role.MANAGER, clients=[client]),
        "client": make_member(account, Role.CLIENT, clients=[client]),
    }
    browsers = {who: Client() for who in (*people, "nobody")}
    for who, person in people.items():
        sign_in_now(browsers[who], person)
    screen = make_screen(account, by=admin)
    browsers["screen"] = browser_of(screen, timezone.now() - timedelta(minutes=2))
    rows = (screen, make_run(account), found, ApiToken.objects.get(), Invitation.objects.get(), *people.values())
    values: dict[str, Sequence[object]] = {
        "creditor_id": [OWN],
        "reference": ["QOWN"],
        "partner_reference": ["mine"],
        "pk": sorted({row.pk for row in rows}),
        "token": [invited.token],
        "slug": ["acme"],
        "int": [1, 10**30],
        "uuid": [OWN, THEIRS],
    }
    return Site(values, browsers)


@contextmanager
def noted() -> Iterator[set[str]]:
    """The names that are looked for in what is sent."""
    found: set[str] = set()

    def noting(original: Any) -> Any:
        def read(self: QueryDict, name: str, *more: Any) -> Any:
            found.add(name)
            return original(self, name, *more)

        return read

    with pytest.MonkeyPatch.context() as patch:
        for name in ("__getitem__", "__contains__", "getlist"):
            patch.setattr(QueryDict, name, noting(getattr(QueryDict, name)))
        yield found


@pytest.fixture
def readers(site: Site) -> dict[Read, list[str]]:
    """The addresses that read each parameter and each field."""
    if not READ:
        asked = product(("admin", "manager", "nobody", "screen"), ("GET", "POST"), every_route())
        READ.update((read, names_read(site, read)) for read in starmap(Read, asked))
    found: dict[Read, list[str]] = defaultdict(list)
    sent: set[tuple[str, str, str]] = set()
    for (who, method, route), (at, names) in READ.items():
        for name in names:
            # By the first of them who has it read: most is shown to an admin.
            if (method, route, name) not in sent:
                found[Read(who, method, name)].append(site.addresses(route)[at])
        sent |= {(method, route, name) for name in names}
    return found


def names_read(site: Site, asked: Read) -> Names:
    """What the first address of a route looks for at which there is something, or else its last one."""
    found = Names(0, [])
    for at, address in enumerate(site.addresses(asked.name)):
        with noted() as names:
            answer = site.send(asked.method, address, [], who=asked.who)
        found = Names(at, sorted(names))
        if answer.status_code != 404 or asked.who != "admin":
            break
    return found


# --- The walks ----------------------------------------------------------------------------------------


@pytest.mark.either
def test_every_name_that_the_code_reads_is_found(readers: dict[Read, list[str]]) -> None:
    # Forms that stand on one page call theirs "collection-key".
    read = {name.rpartition("-")[2] for _, _, name in readers}
    assert named_in_code() - read == set()
    assert {"from", "tz", "stage", "references", "after", "since", "username", "reference", "text", "column"} <= read


def named_in_code() -> set[str]:
    """The names of parameters and fields, as they are written in the code of every room."""
    asks = re.compile(
        r"""(?:GET|POST|params|read|self)\.(?:_?text|_?day|_?number|key|choice|get|getlist)\(\s*"(\w+)\""""
    )
    paths = [path for room in ROOMS for path in (settings.BASE_DIR / room).rglob("*.py")]
    named = {name for path in paths if asks_for_parameters(path) for name in asks.findall(path.read_text())}
    return named | {name for form in forms_of(BaseForm) for name in form.base_fields}


def asks_for_parameters(path: Path) -> bool:
    return re.search(r"GET|POST|QueryDict|query_params|\bReader\b", path.read_text()) is not None


def forms_of(base: Any) -> Iterator[Any]:
    """The forms of our own rooms."""
    form: Any
    for form in base.__subclasses__():
        if form.__module__.partition(".")[0] in ROOMS:
            yield form
        yield from forms_of(form)


@pytest.mark.either
@pytest.mark.parametrize("values", [SHAPES, LETTERS], ids=["shapes", "letters"])
def test_hostile_value_of_any_parameter_or_field_gets_a_sound_answer(
    site: Site, readers: dict[Read, list[str]], values: list[str | bytes]
) -> None:
    step = 1 if FUZZ else 12  # every value meets names, every name values, and with FUZZ all of them do
    for start, (read, found) in enumerate(readers.items()):
        for number in range(start % step, len(values), step):
            for address in found if FUZZ else [found[number // step % len(found)]]:
                site.send(read.method, address, [(read.name, values[number])], who=read.who)


@pytest.mark.either
def test_names_that_nothing_reads_and_methods_that_nothing_takes_get_a_sound_answer(
    site: Site, readers: dict[Read, list[str]]
) -> None:
    # Those that are known come twice each.
    unknown: Pairs = [(name, "1") for name in UNKNOWN]
    known: Pairs = [(name, value) for name in sorted({read.name for read in readers}) for value in ("1", "x")]
    for number, address in enumerate(every_address(site)):
        site.send("GET", address, unknown)
        site.send("POST" if number % 2 else "GET", address, known)
        for method in METHODS if FUZZ else [METHODS[number % len(METHODS)]]:
            site.ask(method, address, data=b"{", content_type="application/json")


@pytest.mark.either
@pytest.mark.parametrize("values", [SHAPES, LETTERS], ids=["shapes", "letters"])
def test_hostile_part_of_a_path_gets_a_sound_answer(site: Site, values: list[str | bytes]) -> None:
    texts = [value for value in values if isinstance(value, str)]
    for start, route in enumerate(every_route()):
        some = texts if FUZZ else texts[start % 6 :: 6]
        taken = {name: some for kind, name in PARAMETER.findall(route) if kind in ANY}
        taken |= {name: ["0", "9" * 18, "9" * 30] for kind, name in PARAMETER.findall(route) if kind == "int"}
        for address in addresses(route, {**site.values, **taken}) if taken else []:
            site.ask("GET", address)


@pytest.mark.either
@pytest.mark.parametrize("who", ["admin", "nobody"])
def test_headers_that_make_no_sense_get_a_sound_answer(site: Site, who: str) -> None:
    found = every_address(site)
    for number, headers in enumerate(HEADERS):
        for address in (
            found if FUZZ else [found[number % len(found)], found[-number % len(found)], "/", "/api/v1/summary"]
        ):
            site.ask("POST" if number % 2 else "GET", address, who=who, headers=headers)


@pytest.mark.either
@pytest.mark.parametrize("order", [1, -1])
def test_bodies_that_are_not_what_they_say_get_a_sound_answer(site: Site, order: int) -> None:
    bodies = [(body, kind) for body in BODIES for kind in TYPES][::order]
    for number, address in enumerate(every_address(site)):
        for body, kind in bodies if FUZZ else [bodies[number % len(bodies)], bodies[number * 7 % len(bodies)]]:
            site.ask("POST", address, data=body, content_type=kind)
    upload = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n'
    for body in (
        *BODIES,
        b"\0",
        b"a,b\0c",
        "QOWN,\ud83e".encode(errors="surrogatepass"),
        b"QOWN;" * 500,
        b"PK\x03\x04",
    ):
        for name in (b"../../x", b"\xff", b"\0", b""):
            site.ask("POST", "/references/", data=upload % (name, body), content_type="multipart/form-data; boundary=x")


def every_address(site: Site) -> list[str]:
    """One of each route."""
    return [site.addresses(route)[0] for route in every_route()]


WHO = ("admin", "manager", "client", "nobody", "screen")
values = st.one_of(
    st.sampled_from(SHAPES + LETTERS),
    st.text(max_size=30),
    st.binary(max_size=10),
    st.integers().map(str),
    st.dates().map(str),
    st.decimals().map(str),
)


@pytest.mark.either
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_anything_in_any_order_gets_a_sound_answer(site: Site, readers: dict[Read, list[str]], method: str) -> None:
    found = every_address(site)
    names = st.one_of(
        st.sampled_from(sorted({read.name for read in readers})), st.sampled_from(UNKNOWN), st.text(max_size=5)
    )
    pairs = st.lists(st.tuples(names, values), max_size=6)

    @tries(100)
    @given(st.sampled_from(found), pairs, st.sampled_from(WHO))
    def sends(address: str, pairs: list[tuple[str | bytes, str | bytes]], who: str) -> None:
        site.send(method, address, pairs, who=who)

    sends()
