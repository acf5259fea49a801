"""Every check, in the order in which their trouble would show; one that fails is red, and the others go on."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import redis
from django.db import DatabaseError
from kombu.exceptions import KombuError

from alphapanda.flight import market, orders, servers
from alphapanda.flight.finding import Finding, red_finding


@dataclass(frozen=True)
class Check:
    """``quick`` ones answer at once; the others ask workers or the broker and may take seconds."""

    name: str
    ask: Callable[[str], Finding]
    quick: bool = True


CHECKS = (
    Check("installation", servers.check_installation),
    Check("postgresql", servers.check_postgresql),
    Check("migrations", servers.check_migrations),
    Check("valkey", servers.check_valkey),
    Check("disk", servers.check_disk),
    Check("settings", servers.settings_for_money, quick=False),
    Check("calendar", market.check_calendar),
    Check("instruments", market.check_instruments),
    Check("session", market.check_sessions),
    Check("clock", market.check_clock),
    Check("broker clock", market.broker_clock, quick=False),
    Check("feed", market.check_feeds),
    Check("lag", market.check_lag),
    Check("workers", servers.check_workers, quick=False),
    Check("beat", servers.check_beat),
    Check("waiting work", orders.waiting_work),
    Check("gates", orders.check_gates),
    Check("orders", orders.check_orders),
    Check("dead letters", orders.dead_letters),
    Check("books", orders.check_books),
)
NAMES = tuple(check.name for check in CHECKS)


def run_checks(*, quick: bool = True, only: Collection[str] = ()) -> list[Finding]:
    """Ask every check, or those named; ``quick`` leaves out what may take seconds. Never raises for a dead server."""
    return [ask_check(check) for check in CHECKS if (check.name in only if only else check.quick or not quick)]


def ask_check(check: Check) -> Finding:
    """An answer even where a server is away: unknown is red, never green."""
    try:
        return check.ask(check.name)
    except DatabaseError as error:
        return red_finding(check.name, f"not known: PostgreSQL says {first_line(error)}")
    except (redis.RedisError, KombuError, OSError) as error:
        return red_finding(check.name, f"not known: {first_line(error)}")


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
