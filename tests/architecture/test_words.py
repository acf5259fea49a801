"""One word, one thing: no retired word in a name, every term told once, and text that can be read in lines."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("alphapanda", "instruments", "market", "portfolio", "trading", "kitesim", "benchmarks")
NOUNS = {"desk", "ladder", "rung", "rungs", "happening", "happenings", "wish", "wishes", "world", "ears"}
VERBS = {"settle", "absorb", "sift", "tell", "hear"}
ALONE = {"take", "found", "move"}
BOOKS = {"ExchangeBook", "BrokerBook"}
TEMPLATES = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "templates").rglob("*.html"))
TEXTS = ["README.md", "kitesim/README.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").glob("*.md"))]
LONGEST_LINE = 120
LONGEST_FUNCTION = 30


def words_of(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).strip("_").lower().split("_")


def problem_with(name: str) -> str:
    words = words_of(name)
    if NOUNS & set(words):
        return "a retired noun"
    if words[0] in VERBS or (len(words) == 1 and words[0] in ALONE):
        return "a retired verb"
    return "a book that is none" if re.search(r"[a-z]Books?$", name) and name not in BOOKS else ""


@pytest.mark.parametrize(
    ("name", "is_retired"),
    [
        ("RunDesk", True),
        ("kill_ladder", True),
        ("_tell", True),
        ("take", True),
        ("CandleBook", True),
        ("ExchangeBook", False),
        ("take_snapshots", False),
        ("book_trade", False),
        ("floor_to_tick", False),
    ],
)
def test_a_retired_word_is_seen_in_a_name(name, is_retired):
    assert bool(problem_with(name)) is is_retired


def test_no_name_has_a_retired_word():
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in tracked.split():
        if not name.startswith(OURS) or "/tests/" in name or "/migrations/" in name:
            continue
        named = [Path(name).stem]
        for node in ast.walk(ast.parse((ROOT / name).read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                named.append(node.name)
        found += [f"{name}: {each} ({problem_with(each)})" for each in named if problem_with(each)]
    assert found == []


def glossary() -> tuple[list[str], str]:
    text = (ROOT / "docs" / "glossary.md").read_text()
    told, _, retired = text.partition("## Retired")
    terms = re.findall(r"^\| (?!word )([^|]+?) \|", told, re.MULTILINE)
    return [term for row in terms for term in row.split(", ") if not term.startswith("---")], retired


def test_the_glossary_tells_each_term_once():
    terms, _ = glossary()
    assert len(terms) > 40
    assert sorted({term for term in terms if terms.count(term) > 1}) == []


def test_the_glossary_names_every_retired_word():
    _, retired = glossary()
    missing = [word for word in NOUNS | VERBS if word.removesuffix("s") not in retired and word not in retired]
    assert missing == []


@pytest.mark.parametrize("page", [*TEXTS, *TEMPLATES])
def test_no_line_of_text_is_too_long(page):
    lines = (ROOT / page).read_text().splitlines()
    assert [f"{n}: {len(line)}" for n, line in enumerate(lines, start=1) if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("page", TEXTS)
def test_text_begins_each_sentence_on_a_line(page):
    prose = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    lines = [line for line in prose.splitlines() if not line.startswith(("|", "#", "    "))]
    assert [line for line in lines if re.search(r"[a-z\)`*][.!?] +[A-Z][a-z]", re.sub(r"`[^`]*`", "``", line))] == []


@pytest.mark.parametrize("page", TEXTS)
def test_code_in_text_stands_between_fences_on_lines_of_their_own(page):
    fences = [line for line in (ROOT / page).read_text().splitlines() if "```" in line]
    assert [line for line in fences if not re.fullmatch(r" *```[a-z]*", line)] == []
    assert len(fences) % 2 == 0


def functions_in(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_a_function_over_thirty_lines_numbers_its_steps():
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in tracked.split():
        for function in functions_in(ROOT / name):
            is_long = function.end_lineno - function.lineno >= LONGEST_FUNCTION
            if is_long and "1. " not in (ast.get_docstring(function) or ""):
                found.append(f"{name}: {function.name}")
    assert found == []
