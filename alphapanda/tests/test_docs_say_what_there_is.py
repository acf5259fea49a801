"""What the environment is asked for and what can be run is told to people, all of it."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
OUR_APPS = ("alphapanda", "instruments", "market", "portfolio", "trading")
READ = re.compile(r"""\benv\.\w+\(\s*"([A-Z_]+)"|environ(?:\.get\(|\[)\s*"([A-Z_]+)\"""")
PER_ACCOUNT = re.compile(r'"((?:KITE_API|BROKER)_[A-Z_]+)"')
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
# Django's own, or said to child processes by the supervisor and the tests themselves.
NOT_OURS = {"DJANGO_SETTINGS_MODULE", "XDG_RUNTIME_DIR"}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def asked_for(*folders: str) -> set[str]:
    sources = [
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.relative_to(ROOT).parts
    ]
    found = {name for path in sources for pair in READ.findall(path.read_text()) for name in pair if name}
    return found - NOT_OURS


def our_commands() -> list[str]:
    return sorted(name for name, app in get_commands().items() if str(app).split(".")[0] in OUR_APPS)


def test_settings_are_read_here_at_all():
    assert {"SECRET_KEY", "DATABASE_URL", "LOG_JSON"} <= asked_for("alphapanda")


@pytest.mark.parametrize("name", sorted(asked_for(*OUR_APPS, "kitesim")))
def test_every_variable_is_documented(name):
    assert f"`{name}`" in text("docs/settings.md")


@pytest.mark.parametrize("name", sorted(set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', text("alphapanda/settings.py")))))
def test_every_setting_is_in_the_example(name):
    assert re.search(rf"^#? ?{name}=", text(".env.example"), re.MULTILINE)


def test_every_key_of_an_account_is_documented():
    names = {
        name for path in (ROOT / "trading/brokers").rglob("*.py") for name in PER_ACCOUNT.findall(path.read_text())
    }
    assert names >= {"KITE_API_KEY", "KITE_API_SECRET", "BROKER_KEY"}
    for name in names:
        assert f"`{name}_<ACCOUNT>`" in text("docs/settings.md")


def test_the_example_names_nothing_that_is_not_read():
    named = set(re.findall(r"^#? ?([A-Z_]+)=", text(".env.example"), re.MULTILINE))
    known = asked_for(*OUR_APPS) | set(re.findall(r"\$\{([A-Z_]+)", text("docker-compose.yml")))
    accounts = {name for name in named if name.startswith(("KITE_API_", "BROKER_KEY_"))}
    assert named - known - accounts == set()


@pytest.mark.parametrize("name", our_commands())
def test_every_command_is_in_the_readme_and_in_operations(name):
    assert f"`{name}`" in text("README.md")
    assert re.search(rf"^- `{name}\b", text("docs/operations.md"), re.MULTILINE)


def test_no_command_is_promised_that_is_not_there():
    promised = set(re.findall(r"^- `([a-z_]+)", text("docs/operations.md").split("## On your own")[0], re.MULTILINE))
    assert promised == set(our_commands())


@pytest.mark.parametrize("page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))])
def test_every_link_leads_somewhere(page):
    linked = [target for target in LINK.findall(text(page)) if not target.endswith(".png")]
    assert [target for target in linked if not (ROOT / page).parent.joinpath(target).exists()] == []


def test_nobody_is_told_to_install_what_does_not_install():
    for page in ("README.md", "Makefile", "Dockerfile", *map(str, (ROOT / "docs").glob("*.md"))):
        for line in text(page).splitlines():
            if re.search(r"pip install [^#]*-r ", line) and not line.startswith("#"):
                assert "--no-deps" in line, line


def test_the_security_sheet_names_tests_that_exist():
    sheet = text("docs/security.md").split("## ASVS")[1]
    named = set(re.findall(r"`(test_[a-z0-9_]+)`", sheet))
    files = {path.stem for path in ROOT.rglob("test_*.py") if ".venv" not in path.parts}
    written = {
        name
        for path in (ROOT / "tests/browser").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(named) > 20
    assert named <= files | written
