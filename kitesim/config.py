"""Flags of the practice exchange."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from pathlib import Path

from kitesim.server.sessions import App

AddFlag = Callable[..., argparse.Action]
DEFAULT_KEY, DEFAULT_SECRET, DEFAULT_USER = "kitesim", "kitesim-secret", "AP0001"


@dataclass
class Config:
    """Everything the command line decides. ``port`` 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    state_dir: Path | None = None
    seed: int = 1
    first_day: date = date(2026, 11, 23)
    open_at: time | None = None
    rate: float = 10.0
    night: float = 20.0
    history_days: int = 90
    apps: list[App] = field(default_factory=list)
    cash: int = 1_000_000
    limits: bool = True
    keep_sessions: bool = False
    order_latency: float = 0.03
    replay: list[Path] = field(default_factory=list)
    replay_day: date | None = None
    tokens: dict[str, int] = field(default_factory=dict)
    closes: dict[str, int] = field(default_factory=dict)
    lockstep: bool = False
    allow_remote: bool = False


def _app(text: str) -> App:
    """KEY:SECRET:USER[:REDIRECT_URL]"""
    key, secret, user, *redirect = text.split(":", 3)
    return App(key, secret, user, redirect[0] if redirect else "")


def _token(text: str) -> tuple[str, int]:
    symbol, _, token = text.rpartition("=")
    return symbol, int(token)


def _close(text: str) -> tuple[str, int]:
    symbol, _, price = text.rpartition("=")
    paise = Decimal(price) * 100
    if not symbol or paise <= 0 or paise % 1:
        raise ValueError(f"not SYMBOL=PRICE in whole paise: {text}")
    return symbol, int(paise)


def _clock_time(text: str) -> time:
    return time.fromisoformat(text)


def flag_parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser(prog="python -m kitesim", description=__doc__)
    _add_server_flags(out.add_argument)
    _add_market_flags(out.add_argument)
    _add_account_flags(out.add_argument)
    _add_replay_flags(out.add_argument)
    return out


def _add_server_flags(add: AddFlag) -> None:
    own = Config()
    add("--host", default=own.host, help="address to listen on; only loopback unless --allow-remote")
    add("--port", type=int, default=own.port, help="0 takes a free port")
    add("--allow-remote", action="store_true")
    add("--state-dir", type=Path, help="where the market is kept between starts; none: in memory")
    add("--no-limits", action="store_false", dest="limits", help="no rate limits")
    add("--order-latency", type=float, default=own.order_latency, help="wall seconds from acceptance to the exchange")


def _add_market_flags(add: AddFlag) -> None:
    own = Config()
    add("--seed", type=int, default=own.seed)
    add(
        "--date",
        dest="first_day",
        type=date.fromisoformat,
        default=own.first_day,
        help="first day; a holiday moves to the next trading day",
    )
    add("--open-at", type=_clock_time, help="time of the first day to start at, HH:MM[:SS]")
    add("--rate", type=float, default=own.rate, help="market seconds per wall second")
    add("--night", type=float, default=own.night, help="wall seconds between two trading days")
    add("--history-days", type=int, default=own.history_days, help="trading days of candles before the first day")


def _add_account_flags(add: AddFlag) -> None:
    own = Config()
    add("--app", type=_app, action="append", dest="apps", help="KEY:SECRET:USER[:REDIRECT]; may be repeated")
    add("--api-key", default=os.environ.get("KITESIM_API_KEY", DEFAULT_KEY))
    add("--api-secret", default=os.environ.get("KITESIM_API_SECRET", DEFAULT_SECRET))
    add("--user-id", default=os.environ.get("KITESIM_USER_ID", DEFAULT_USER))
    add("--redirect-url", default=os.environ.get("KITESIM_REDIRECT_URL", ""), help="where a login goes back to")
    add("--cash", type=int, default=own.cash, help="opening cash of each user, in rupees")
    add("--keep-sessions", action="store_true", help="access tokens live past 06:00")


def _add_replay_flags(add: AddFlag) -> None:
    add("--replay", type=Path, nargs="+", default=[], help="folder or files of one-minute candles, or one recording")
    add("--replay-day", type=date.fromisoformat, help="the day of the candles to replay")
    add("--token", type=_token, action="append", default=[], dest="tokens", help="SYMBOL=TOKEN, for replayed symbols")
    add(
        "--previous-close", type=_close, action="append", default=[], dest="closes",
        help="SYMBOL=PRICE, for replayed symbols whose files do not hold the days before",
    )  # fmt: skip
    add("--lockstep", action="store_true", help="a replay goes as fast as the reader takes it")


def read_config(argv: list[str] | None = None) -> Config:
    """Exits with 2 and a sentence if the flags make no sense."""
    flags = flag_parser()
    given = vars(flags.parse_args(argv))
    first = App(given.pop("api_key"), given.pop("api_secret"), given.pop("user_id"), given.pop("redirect_url"))
    config = Config(
        **{**given, "apps": given["apps"] or [first], "tokens": dict(given["tokens"]), "closes": dict(given["closes"])}
    )
    if not config.allow_remote and config.host not in ("127.0.0.1", "::1", "localhost"):
        flags.error("only loopback addresses are served without --allow-remote")
    if config.lockstep and not config.replay:
        flags.error("--lockstep needs --replay")
    return config
