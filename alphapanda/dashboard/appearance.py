"""How the pages look to this reader: kept in cookies, chosen in the menu, given to every template."""

from typing import Any, TypedDict

from django.http import HttpRequest

SHEETS = [
    f"dashboard/css/{name}.css"
    for name in (
        "tokens",
        "base",
        "header",
        "sheet",
        "verdict",
        "tables",
        "panels",
        "controls",
        "cards",
        "story",
        "system",
        "lab",
        "portfolio",
        "ticket",
        "morning",
    )
]
THEMES = {"auto": "As the machine", "dark": "Dark", "light": "Light"}
CONTRASTS = {"auto": "As the machine", "more": "High", "normal": "Normal"}
CONTRAST_MEDIA = {"auto": "(prefers-contrast: more)", "more": "all", "normal": "not all"}
KEYS = {"on": "On", "off": "Off"}


def chosen_option(request: HttpRequest, name: str, choices: dict[str, str]) -> str:
    chosen = request.COOKIES.get(name, "")
    return chosen if chosen in choices else next(iter(choices))


class AppearanceOf(TypedDict):
    sheets: list[str]
    theme: str
    theme_choice: str
    contrast_choice: str
    contrast_media: str
    keys_choice: str
    themes: Any
    contrasts: Any
    key_choices: Any


def appearance_of(request: HttpRequest) -> AppearanceOf:
    """How the reader wants it to look: kept in cookies, chosen in the menu."""
    theme, contrast = chosen_option(request, "theme", THEMES), chosen_option(request, "contrast", CONTRASTS)
    return {
        "sheets": SHEETS,
        "theme": "" if theme == "auto" else theme,
        "theme_choice": theme,
        "contrast_choice": contrast,
        "contrast_media": CONTRAST_MEDIA[contrast],
        "keys_choice": chosen_option(request, "keys", KEYS),
        "themes": THEMES.items(),
        "contrasts": CONTRASTS.items(),
        "key_choices": KEYS.items(),
    }
