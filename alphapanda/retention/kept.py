"""Tables that no rule prunes, and why each is kept. Every table of ours is here or has a rule, or a test fails."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """Tables shown together; ``is_for_good``: no rule may ever be made for one of them."""

    title: str
    words: str
    tables: frozenset[str]
    is_for_good: bool = True


# Brokers keep the orders and decisions of an algorithm for five years (kite.md); we keep them for good.
KEPT: tuple[Kept, ...] = (
    Kept(
        "Events", "for good: the database refuses to change or remove one", frozenset({"journal_event"})
    ),
    Kept(
        "Signals and decisions", "for good, with the case each was judged on",
        frozenset({"trading_signal", "trading_riskdecision"}),
    ),
    Kept(
        "Orders and fills", "for good", frozenset({
            "trading_order", "trading_ordertransition", "trading_fill", "trading_exitplan", "trading_paperrequest",
            "trading_paperorder", "trading_papertrade", "trading_seenorder", "trading_seentrade",
        }),
    ),
    Kept(
        "Trades and ledger", "for good, and what is made of them", frozenset({
            "portfolio_account", "portfolio_account_owners", "portfolio_portfolio", "portfolio_trade",
            "portfolio_adjustment",
            "portfolio_ledgerentry", "portfolio_position", "portfolio_lot", "portfolio_realisation",
            "portfolio_receivable", "portfolio_chargerate",
        }),
    ),
    Kept(
        "Runs", "for good, with what each was told and learned from", frozenset({
            "trading_strategy", "trading_deployment", "trading_deployment_instruments", "trading_run",
            "trading_runinput", "trading_history",
        }),
    ),
    Kept(
        "Instruments and calendar", "for good: trades name them", frozenset({
            "instruments_instrument", "instruments_instrumenttoken", "instruments_instrumentname",
            "instruments_renamequestion", "instruments_instrumentload", "instruments_tradingsession",
            "instruments_freezequantity", "instruments_protectionstep", "instruments_settlementprice",
            "instruments_corporateaction",
        }),
    ),
    Kept(
        "Gates, limits and dead letters", "for good", frozenset({
            "trading_gate", "trading_risklimit", "trading_arming", "journal_deadletter", "clock_installation",
        }),
    ),
    Kept(
        "Checkpoints", "the newest of each shard, and what each day began with for as long as its stream is kept",
        frozenset({"trading_checkpoint", "trading_dayopening"}), is_for_good=False,
    ),
    Kept("Alerts", "for good: one row each time something was wrong", frozenset({"alerts_alert"}), is_for_good=False),
    Kept(
        "Backtests", "until somebody deletes them in the admin; how far one has come, until it is over",
        frozenset({"trading_backtest", "trading_backtesthalfway"}), is_for_good=False,
    ),
    Kept(
        "Small tables", "as many rows as there are feeds, series and tokens", frozenset({
            "clock_marketclock", "market_feed", "market_feedlease", "market_shard", "market_kepthistory",
            "market_subscription", "trading_paperliquidity", "trading_brokersession", "trading_brokerstanding",
            "trading_bookdifference",
            "trading_apitoken",
        }), is_for_good=False,
    ),
)  # fmt: skip
NEVER_PRUNED = frozenset(table for kept in KEPT if kept.is_for_good for table in kept.tables)
