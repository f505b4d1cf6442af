"""Promises of the house that no single room keeps: safe settings, pinned packages, a closed deployment, true documents."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from csp.constants import NONE, SELF
from django.conf import settings
from django.test import Client

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "SECRET_KEY": "production-like-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "FIELD_ENCRYPTION_KEYS": "newest,oldest",
    "ALLOWED_HOSTS": "feeboard.example.com",
}
LINKED = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
ANOTHER_HOST = re.compile(
    r"(?:src|href|url|import|fetch|action)\W{1,3}(?:https?:)?//(?!www\.w3\.org/)[\w.-]+", re.IGNORECASE
)
INLINE = re.compile(
    r"<style|<script(?![^>]*\bsrc=)(?![^>]*application/json)|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE
)


def run_python(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, with a database in `folder` and nothing else of this environment but PATH."""
    given = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "FEEBOARD_ENV_FILE": os.devnull,
        "DATABASE_URL": f"sqlite:///{folder / 'house.sqlite3'}",
    }
    return subprocess.run(
        [sys.executable, *words], env=given | env, cwd=ROOT, capture_output=True, text=True, timeout=60
    )


# --- Settings ---------------------------------------------------------------------------------------


def test_deployment_check_with_production_settings_finds_nothing(tmp_path):
    words = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    done = run_python(tmp_path, *words, **PRODUCTION)
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), done.stderr


def test_migrations_describe_the_models(tmp_path):
    done = run_python(tmp_path, "manage.py", "makemigrations", "--check", "--dry-run", **PRODUCTION)
    assert (done.returncode, done.stdout) == (0, "No changes detected\n"), done.stderr


def test_start_without_secret_key_says_what_to_do(tmp_path):
    done = run_python(tmp_path, "manage.py", "check")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("SECRET_KEY is not set. Put a long random text into the environment")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("REQUESTS_PER_DAY", "99", "REQUESTS_PER_DAY is '99'; write a whole number, 100 or more."),
        ("REQUESTS_PER_MINUTE", "²", "REQUESTS_PER_MINUTE is '²'; write a whole number, 100 or more."),
        ("PULL_EVERY_SECONDS", "4", "PULL_EVERY_SECONDS is '4'; write a whole number of seconds, 5 or more."),
        ("REAUTHENTICATE_AFTER_SECONDS", "5", "write a whole number of seconds, 60 or more."),
        ("OIDC_SERVER_URL", "http://login.example.com", "write an address that begins with https://"),
        ("OIDC_SERVER_URL", "https://login.example.com", "OIDC_CLIENT_ID is not: write both, or neither."),
        ("FULL_SWEEP_AT", "24:00", "FULL_SWEEP_AT is '24:00'; write hours and minutes such as 02:00."),
    ],
)
def test_start_with_a_setting_that_makes_no_sense_says_what_to_write(tmp_path, name, value, sentence):
    done = run_python(tmp_path, "manage.py", "check", SECRET_KEY="k", **{name: value})
    assert (done.returncode, sentence in done.stderr) == (1, True)


def test_settings_with_nothing_but_a_key_are_safe(tmp_path):
    expected = {
        "ALLOWED_HOSTS": ["localhost", "127.0.0.1", "[::1]"],
        "ALLOW_PRIVATE_UPSTREAM": False,
        "CSRF_COOKIE_NAME": "__Host-csrftoken",
        "CSRF_COOKIE_SECURE": True,
        "DEBUG": False,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_PROXY_SSL_HEADER": None,
        "SECURE_SSL_REDIRECT": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_NAME": "__Host-sessionid",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": True,
        "TRUST_X_FORWARDED_FOR": False,
        "X_FRAME_OPTIONS": "DENY",
    }
    program = (
        "import json; from django.conf import settings; "
        f"print(json.dumps({{name: getattr(settings, name) for name in {sorted(expected)}}}))"
    )
    done = run_python(tmp_path, "-c", program, SECRET_KEY="k")
    assert json.loads(done.stdout) == expected


def test_content_security_policy_names_no_other_host_and_nothing_inline():
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert directives["default-src"] == [NONE]
    assert {source for sources in directives.values() for source in sources} == {NONE, SELF, "data:"}
    assert [name for name, sources in directives.items() if "data:" in sources] == ["img-src"]


def test_every_answer_carries_the_content_security_policy():
    header = Client().get("/healthz").headers["Content-Security-Policy"]
    assert "default-src 'none'" in header.split("; ")
    assert "unsafe" not in header


# --- Pages and their files --------------------------------------------------------------------------


def page_sources() -> list[Path]:
    """Templates, and static files of our own."""
    found = [path for folder in ("templates", "static") for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path for path in found if "vendor" not in path.parts]


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('<script src="https://cdn.example.com/x.js">', True),
        ('<link href="//fonts.example.com/css">', True),
        ("background: url(https://img.example.com/a.png)", True),
        ("import 'https://cdn.example.com/x.js'", True),
        ('<svg xmlns="http://www.w3.org/2000/svg">', False),
        ('<a href="/clients/">', False),
    ],
)
def test_pattern_of_another_host(text, matches):
    assert bool(ANOTHER_HOST.search(text)) is matches


def test_pages_refer_to_no_other_host():
    sources = page_sources()
    assert sources
    assert {path.name: found for path in sources if (found := ANOTHER_HOST.findall(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("<script>alert(1)</script>", True),
        ('<p style="color: red">', True),
        ('<button onclick="go()">', True),
        ("<style>p {}</style>", True),
        ("<script src=\"{% static 'js/ages.js' %}\" defer>", False),
        ('<script type="application/json">', False),
        ('<p class="style" data-once="1">', False),
    ],
)
def test_pattern_of_inline_code(text, matches):
    assert bool(INLINE.search(text)) is matches


def test_templates_hold_nothing_inline_that_the_policy_would_refuse():
    templates = [path for path in page_sources() if path.suffix == ".html"]
    assert templates
    assert {path.name: found for path in templates if (found := INLINE.findall(path.read_text()))} == {}


def test_vendored_scripts_are_the_listed_ones():
    folder = ROOT / "static" / "vendor"
    listed = dict(
        re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", (folder / "README.md").read_text(), re.MULTILINE)
    )
    assert listed == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.js")}


def test_vendored_scripts_keep_their_licences():
    folder = ROOT / "static" / "vendor"
    licences = re.findall(r"\(`([^`]*LICENSE[^`]*)`\)", (folder / "README.md").read_text())
    assert sorted(licences) == sorted(path.name for path in folder.glob("*LICENSE*"))


# --- Packages ---------------------------------------------------------------------------------------


def requirements(name: str) -> list[str]:
    """The requirements of a lock file, each as one line."""
    joined = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line.strip()]


def pins(name: str) -> dict[str, str]:
    return dict(line.split(" ", 1)[0].split("==") for line in requirements(name))


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_lock_file_pins_and_hashes_every_package(name):
    whole = re.compile(r"[a-z0-9._-]+(\[[a-z,]+\])?==[\w.]+( ; [^\\]+?)?( --hash=sha256:[0-9a-f]{64})+")
    assert [line for line in requirements(name) if not whole.fullmatch(line)] == []
    assert len(requirements(name)) > 20


def test_tests_run_with_the_packages_of_the_site():
    assert pins("run.txt").items() <= pins("dev.txt").items()


# --- Deployment -------------------------------------------------------------------------------------

SECRET_NAME = re.compile(r"SECRET|PASSWORD|KEY|TOKEN")


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def test_compose_runs_the_five_services_and_the_migration():
    assert set(services()) == {"web", "worker", "beat", "postgres", "redis", "migrate"}


@pytest.mark.parametrize("name", ["web", "worker", "beat", "postgres", "redis"])
def test_compose_service_has_a_health_check_and_is_restarted(name):
    service = services()[name]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["web", "worker", "beat", "postgres", "redis", "migrate"])
def test_compose_service_has_no_more_rights_than_it_needs(name):
    service = services()[name]
    assert str(service["user"]).split(":")[0] not in {"", "0", "root"}
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_compose_starts_after_the_migration(name):
    assert services()[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_compose_holds_no_secret():
    values = [item for service in services().values() for item in service.get("environment", {}).items()]
    secrets = [value for name, value in values if SECRET_NAME.search(name)]
    assert len(secrets) == 9
    assert [value for value in secrets if not re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value)] == []
    addresses = [value for _, value in values if "://" in value and "@" in value]
    assert [value for value in addresses if not re.search(r"://\w+:\$\{[A-Z_]+:\?[^}]+\}@", value)] == []


def test_compose_publishes_on_loopback_alone():
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:${PORT:-8000}:8000"]


def test_environment_example_holds_no_secret():
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [
        line for line in lines if SECRET_NAME.match(line.split("=")[0].lstrip("#")) and not line.endswith("=")
    ] == []


def test_image_does_not_run_as_root():
    users = re.findall(r"^USER (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users == ["10001:10001"]


def test_image_takes_in_the_rooms_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    rooms = {name for name in settings.INSTALLED_APPS if (ROOT / name).is_dir()}
    others = {"config", "static", "templates", "manage.py", "requirements/run.txt"}
    assert (rules[0], rules[-1]) == ("*", "**/__pycache__")
    assert set(rules[1:-1]) == {f"!{name}" for name in rooms | others}


def test_ci_is_a_program_that_bash_understands():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT, capture_output=True, text=True).stderr == ""


# --- Documents --------------------------------------------------------------------------------------


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def test_documents_link_to_files_that_exist():
    links = [(path, link) for path in documents() for link in LINKED.findall(path.read_text())]
    assert links
    assert [f"{path.name}: {link}" for path, link in links if not (path.parent / link).exists()] == []


def test_readme_lists_the_environment_that_the_settings_read():
    sources = "".join((ROOT / "config" / name).read_text() for name in ("settings.py", "env.py"))
    read = set(re.findall(r"""(?:env\.\w+|environ\.get|str)\(\s*"([A-Z_]+)\"""", sources))
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert table == read


def test_environment_example_names_what_the_readme_explains():
    table = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE))
    named = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert named - table == {"POSTGRES_PASSWORD"}
