"""Every check, in the order in which their trouble would show; one that fails is red, and the others go on."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import redis
from django.db import DatabaseError
from kombu.exceptions import KombuError

from alphapanda.flight import market, orders, servers
from alphapanda.flight.finding import Finding, red


@dataclass(frozen=True)
class Check:
    """``quick`` ones answer at once; the others ask workers or the broker and may take seconds."""

    name: str
    ask: Callable[[str], Finding]
    quick: bool = True


CHECKS = (
    Check("installation", servers.installation),
    Check("postgresql", servers.postgresql),
    Check("migrations", servers.migrations),
    Check("valkey", servers.valkey),
    Check("disk", servers.disk),
    Check("settings", servers.settings_for_money, quick=False),
    Check("calendar", market.calendar),
    Check("instruments", market.instruments),
    Check("session", market.sessions),
    Check("clock", market.clock),
    Check("broker clock", market.broker_clock, quick=False),
    Check("feed", market.feeds),
    Check("lag", market.lag),
    Check("workers", servers.workers, quick=False),
    Check("beat", servers.beat),
    Check("waiting work", orders.waiting_work),
    Check("gates", orders.gates),
    Check("orders", orders.orders),
    Check("dead letters", orders.dead_letters),
    Check("books", orders.books),
)
NAMES = tuple(check.name for check in CHECKS)


def findings(*, quick: bool = True, only: Collection[str] = ()) -> list[Finding]:
    """Ask every check, or those named; ``quick`` leaves out what may take seconds. Never raises for a dead server."""
    return [asked(check) for check in CHECKS if (check.name in only if only else check.quick or not quick)]


def asked(check: Check) -> Finding:
    """An answer even where a server is away: unknown is red, never green."""
    try:
        return check.ask(check.name)
    except DatabaseError as error:
        return red(check.name, f"not known: PostgreSQL says {first_line(error)}")
    except (redis.RedisError, KombuError, OSError) as error:
        return red(check.name, f"not known: {first_line(error)}")


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
