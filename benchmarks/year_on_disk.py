"""What a year at 500 instruments takes on the disk, from measured bytes a row, and how fast a day of it is pruned.

    python -m benchmarks.year_on_disk --orders 150

Made-up rows through the code that writes them: days of one-minute candles and waits of every instrument, snapshots of
every portfolio, and orders by hand from the request to the fill. Bytes are what PostgreSQL's tables grew by, indexes
and all, divided by the rows. Then a day of candles and waits past their time is pruned, batch by batch.
"""

import argparse
import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.harness import describe_machine, markdown_table
from benchmarks.own_servers import own_servers

INSTRUMENTS, MINUTES, PORTFOLIOS, ORDERS_A_DAY, NEW_CONTRACTS_A_DAY = 500, 375, 10, 1_000, 1_500
MARKET_DAYS = {365: 250, 90: 62, 30: 21, 7: 5}  # in so many days in a row
# A tick of each instrument a second, for 6¼ hours: a full packet as recorded, and a row as the stream's files keep it.
TICKS_A_DAY, PACKET, KEPT_TICK = 22_500, 184, 90
OLD, DAYS_OF_SNAPSHOTS = 45, 10


class Bench:
    """A desk with 500 shares nobody trades yet, one that is traded, and a run that watches all of them."""

    def __init__(self) -> None:
        from market.subscriptions import subscribe_instrument
        from portfolio.booking import ensure_portfolio, transfer_money
        from tests.stories.pipeline import Pipeline, make_instrument
        from trading.models import Run

        self.pipeline = pipeline = Pipeline.open()
        subscribe_instrument(pipeline.feed, pipeline.infy, "full", ref="benchmark")
        pipeline.play("1500")
        transfer_money(pipeline.account.pk, Decimal(10_00_00_000), "a year of charges")
        self.shares = [make_instrument(1_000_000 + 256 * nth, f"SHARE{nth}") for nth in range(INSTRUMENTS)]
        deployment = pipeline.deploy("mean_reversion")
        begun = pipeline.now - timedelta(days=60)
        self.run = Run.objects.create(
            deployment=deployment, number=1, code_hash="x", parameters={}, terms={}, started_at=begun
        )
        self.portfolio = ensure_portfolio(pipeline.account, deployment.pk, deployment.name)

    def write_candles(self) -> int:
        from market.candle_store import store_candles
        from market.domain.candles import ClosedCandle

        of_tokens = {share.instrument_token: share for share in self.shares}
        for minute in minutes(OLD):
            prices = 150000, 150450, 149800, 150125
            closed = [ClosedCandle(token, 1, minute, *prices, 12_345, 60, complete=True) for token in of_tokens]
            store_candles(of_tokens, closed)
        return INSTRUMENTS * MINUTES

    def write_waits(self) -> int:
        from trading.models import Evaluation

        text = "close 1,514.90 stands above the lower band at 1,513.19: no entry"
        said = {"text": text, "numbers": {"close": "1514.90", "band": "1513.19", "average": "1521.44"}, "nearness": 0.7}
        for minute in minutes(OLD):
            waits = (Evaluation(run=self.run, instrument=share, at=minute, **said) for share in self.shares)
            Evaluation.objects.bulk_create(waits)
        return INSTRUMENTS * MINUTES

    def write_snapshots(self) -> int:
        from portfolio.models import PnlSnapshot

        names = ("realised", "unrealised", "opened_with", "charges", "net", "worst")
        figures = dict.fromkeys(names, Decimal("1234.55"))
        for ago in range(DAYS_OF_SNAPSHOTS):
            rows = (PnlSnapshot(portfolio=self.portfolio, at=at, day=at.date(), **figures) for at in minutes(ago))
            PnlSnapshot.objects.bulk_create(rows)
        return DAYS_OF_SNAPSHOTS * MINUTES

    def write_instruments(self) -> int:
        """As many contracts as are new on a day, whose names are not yet in the tables."""
        from tests.stories.pipeline import make_instrument

        for nth in range(NEW_CONTRACTS_A_DAY):
            make_instrument(9_000_000 + 256 * nth, f"NIFTY26DEC{nth}CE", expiry=self.pipeline.now.date())
        return NEW_CONTRACTS_A_DAY

    def trade(self, orders: int) -> int:
        """Ask for orders by hand, out and back, each judged, sent, matched and booked."""
        from trading.models import Fill
        from trading.orders.requests import place_manual

        for nth in range(orders):
            side = ("BUY", "SELL")[nth % 2]
            place_manual(self.pipeline.account, self.pipeline.infy, side, 10, "MARKET", "MIS", by="benchmark")
            self.pipeline.play("1500", "1500", "1500")
        filled = Fill.objects.count()
        if filled != orders:
            raise SystemExit(f"{orders} orders were asked for and {filled} filled")
        return orders


def minutes(days_ago: int) -> Iterator[datetime]:
    from tests.stories.pipeline import at

    opening = at("09:15:00") - timedelta(days=days_ago)
    return (opening + timedelta(minutes=nth) for nth in range(MINUTES))


def measure(orders: int) -> dict[str, Any]:
    """Return bytes a row of what there is much of, bytes an order of all it leaves, and how a day of it is pruned."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    bench = Bench()
    works = {
        "market_candle": bench.write_candles,
        "trading_evaluation": bench.write_waits,
        "portfolio_pnlsnapshot": bench.write_snapshots,
        "instruments": bench.write_instruments,
        "order": lambda: bench.trade(orders),
    }
    found: dict[str, Any] = {"bytes": {}}
    for name, write in works.items():
        before = total_bytes(name)
        rows = write()
        found["bytes"][name] = (total_bytes(name) - before) / rows
    found["bytes"]["journal_event"] = total_bytes("journal_event") / orders
    return found | {"pruned": prune_old()}


def total_bytes(name: str) -> int:
    """Of a table; of all that name instruments; or of everything an order leaves, the journal included."""
    from alphapanda.retention.sizes import table_sizes

    sizes = {table: size.bytes for table, size in table_sizes().items()}
    if name in sizes:
        return sizes[name]
    families = {"instruments": ("instruments_",), "order": ("trading_", "portfolio_", "journal_")}[name]
    return sum(taken for table, taken in sizes.items() if table.startswith(families))


def prune_old() -> dict[str, Any]:
    from alphapanda.core.clock.services import set_market_time
    from alphapanda.retention import pruning, rules
    from tests.stories.pipeline import at

    set_market_time(at("20:00:00"), 0)
    taken = []
    batch = pruning.prune_batch

    def timed(*asked: Any) -> int:
        began = time.perf_counter()
        number = batch(*asked)
        taken.append(time.perf_counter() - began)
        return number

    pruning.prune_batch = timed
    began = time.perf_counter()
    pruned = pruning.prune_tables(rules.RULES)
    seconds = time.perf_counter() - began
    return {"rows": pruned.rows.total(), "seconds": seconds, "longest_batch_ms": max(taken) * 1000}


def year_of(found: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Return what it is, megabytes a day, and gigabytes after a year."""
    of = found["bytes"]
    days = {
        "one-minute candles, all traded": (INSTRUMENTS * MINUTES * of["market_candle"], 365),
        "one-minute candles, none traded": (INSTRUMENTS * MINUTES * of["market_candle"], 30),
        "why no trade": (INSTRUMENTS * MINUTES * of["trading_evaluation"], 30),
        "profit by the minute": (PORTFOLIOS * MINUTES * of["portfolio_pnlsnapshot"], 90),
        "orders, with all they leave": (ORDERS_A_DAY * of["order"], 365),
        "events, of these": (ORDERS_A_DAY * of["journal_event"], 365),
        "new contracts": (NEW_CONTRACTS_A_DAY * of["instruments"], 365),
        "files of the tick stream": (INSTRUMENTS * TICKS_A_DAY * KEPT_TICK, 7),
        "files of recordings, where kept": (INSTRUMENTS * TICKS_A_DAY * PACKET, 7),
    }
    return [(what, a_day / 1e6, a_day * MARKET_DAYS[kept] / 1e9) for what, (a_day, kept) in days.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=150)
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    options = parser.parse_args()
    with own_servers():
        found = measure(options.orders)
    print({name: round(taken) for name, taken in found["bytes"].items()}, found["pruned"])
    rows = [(what, f"{a_day:,.0f}", f"{a_year:.1f}") for what, a_day, a_year in year_of(found)]
    print(markdown_table(("what", "MB a market day", "GB after a year"), rows))
    if options.json:
        options.json.write_text(json.dumps({"benchmark": "a year on disk", **describe_machine(), **found}) + "\n")


if __name__ == "__main__":
    main()
