"""A real browser on the real pages: Debian's chromium, found where it stands, or the tests say why they skip."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alphapanda.dashboard.sign_in_links import make_sign_in_link
from alphapanda.dashboard.tests.conftest import (  # noqa: F401 (fixtures)
    account,
    day,
    deployment,
    run,
    sample,
    user,
)

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
SIZES = {"desk": {"width": 1440, "height": 1000}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="session", autouse=True)
def _playwright_leaves_its_loop_running() -> None:
    """Django would refuse the database in the same thread. Nothing runs in this process after the browsers."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}; name one in CHROMIUM")
    return {**browser_type_launch_args, "executable_path": str(CHROMIUM), "args": ["--no-sandbox", "--disable-gpu"]}


@pytest.fixture
def open_page(browser: Any, live_server: Any, user: Any) -> Iterator[Any]:  # noqa: F811
    """Return a function: a page at a size and in a scheme, signed in by a one-time link."""
    contexts = []

    def open_it(
        path: str = "/", size: str = "desk", scheme: str = "dark", host: str = "localhost", **options: Any
    ) -> Any:
        address = live_server.url.replace("localhost", host)
        context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, base_url=address, **options)
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda message: note_refusal(page, message))
        page.goto(make_sign_in_link(user))
        page.goto(path)
        return page

    yield open_it
    for context in contexts:
        context.close()


def note_refusal(page: Any, message: Any) -> None:
    """Keep what the content security policy refused: it is a mistake of ours."""
    if "Content Security Policy" in message.text:
        page.problems.append(message.text)
