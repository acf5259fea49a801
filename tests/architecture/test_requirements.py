"""What is installed is what was resolved: resolvers fall back to a kiteconnect that cannot place a market order."""

import re
import subprocess
from importlib.metadata import version
from inspect import signature
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"


def test_kiteconnect_is_the_one_with_market_protection():
    from kiteconnect import KiteConnect

    assert version("kiteconnect").startswith("5.2")
    assert "market_protection" in signature(KiteConnect.place_order).parameters


@pytest.mark.parametrize("name", ["base", "demo", "dev"])
def test_the_lock_holds_kiteconnect_and_an_autobahn_daphne_can_use(name):
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    assert re.search(r"^kiteconnect==5\.2\.", text, re.MULTILINE)
    major = int(re.search(r"^autobahn==(\d+)\.", text, re.MULTILINE)[1])
    assert major >= 24


@pytest.mark.parametrize("path", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda path: path.name)
def test_no_lock_names_a_registry(path):
    assert not re.search(r"https?://|index-url|find-links", path.read_text().replace("github.com", ""))


def test_every_requirement_is_hashed():
    for path in REQUIREMENTS.glob("*.txt"):
        if path.name == "overrides.txt":
            continue
        for block in re.split(r"\n(?=\S)", path.read_text()):
            if re.match(r"^[A-Za-z0-9]", block):
                assert "--hash=sha256:" in block, block.splitlines()[0]


def test_a_plain_pip_install_appears_nowhere():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    wrong = []
    for name in tracked:
        if name.endswith((".md", "Makefile", "Dockerfile", ".yml", ".sh")) or name == ".ci/run":
            text = (ROOT / name).read_text(errors="ignore")
            plain = re.findall(
                r"^[^`#\n]*pip3? install (?!.*(--no-deps|-q --disable-pip-version-check)).*-r .*$", text, re.M
            )
            wrong += [f"{name}: {line}" for line in plain]
    assert wrong == []
