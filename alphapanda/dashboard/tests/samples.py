"""Hand-made snapshots in the shape the pages read: the day drawn in the look's pictures."""

from typing import Any

NOW = "2026-11-20T09:02:08Z"


def fresh(at: str = NOW, what: str = "", stale: float = 5, dead: float = 60) -> dict[str, Any]:
    return {"at": at, "clock": "market", "stale": stale, "dead": dead, "what": what, "state": "live"}


def stale_price() -> dict[str, Any]:
    return {
        "at": "2026-11-20T09:01:54Z",
        "clock": "market",
        "stale": 5,
        "dead": 60,
        "what": "oldest price",
        "state": "stale",
    }


def common() -> dict[str, Any]:
    return {
        "clock": {"market": NOW, "wall": NOW, "rate": 1},
        "phase": {"words": "NSE open", "until": ", to 15:15", "open": True},
        "gate": {"state": "active", "words": "Active", "closed": False},
        "mode": None,
    }


def verdict() -> dict[str, Any]:
    return {
        "tone": "warn",
        "mark": "warn",
        "headline": "All right, except one order.",
        "lines": [
            {
                "key": "1",
                "text": "Sell 65 NIFTY 25400 CE: no reply for 6 s, counted as filled until proven.",
                "href": "/orders/1/",
                "link": "Its story",
            },
            {"key": "2", "text": "One paper strategy stopped on an error.", "href": None, "link": ""},
        ],
    }


def facts() -> list[dict[str, Any]]:
    rows = [
        ("feed", "Feed", "live", "", "Live", "0.2 s, 412/s"),
        ("gate", "Gate", "live", "", "Active", "16 rules on"),
        ("orders", "Orders", "stale", "warn", "1 unconfirmed", "4 working"),
        ("books", "Books", "live", "", "Agree", "checked 12 s ago"),
        ("rate", "Order rate", "live", "", "3 of 10/s", "212 today"),
        ("session", "Kite session", "live", "", "15 h 28 min", "until 06:00"),
    ]
    names = ("key", "label", "mark", "tone", "value", "note")
    return [dict(zip(names, row, strict=True)) | {"href": "/system/"} for row in rows]


def curve() -> dict[str, Any]:
    opens, closes, now = 1795146300, 1795168800, 1795165328
    points, net = [], 0.0
    for i in range(0, now - opens, 60):
        net += ((i * 7919) % 401 - 190) * 1.2 if i > 3600 else -((i * 7919) % 97) * 0.9
        points.append([opens + i, f"{min(net, 9800):.2f}"])
    points.append([now, "7241.22"])
    other = [[opens + i, f"{(i / 20000) * 1866:.2f}"] for i in range(0, now - opens, 300)]
    ticks = [
        [opens, "09:15", "start"],
        [1795152600, "11:00"],
        [1795158000, "12:30"],
        [1795163400, "14:00"],
        [closes, "15:30", "end"],
    ]
    return {
        "points": points,
        "others": [other],
        "opens": opens,
        "closes": closes,
        "ticks": ticks,
        "words": "Net today is +₹7,241.22 at 14:32; lowest −₹2,187.40.",
        "hours": [{"at": NOW, "net": "7241.22"}],
    }


def net() -> dict[str, Any]:
    return {
        "mode": "live",
        "net": "7241.22",
        "realised": "5348.10",
        "open": "2640.45",
        "charges": "-747.33",
        "worst": "-2187.40",
        "tone": "up",
        "mark": "up",
        "age": fresh(),
        "curve": curve(),
        "others": [{"key": "desk-a", "mode": "paper", "label": "Paper", "net": "1866.81", "age": stale_price()}],
    }


def meter(
    key: str, name: str, used: str, left: str, ratio: str, reserved: str = "0", tone: str = "", mark: str = "none"
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "used": used,
        "left": left,
        "ratio": ratio,
        "reserved_ratio": reserved,
        "tone": tone,
        "mark": mark,
        "title": f"{name}: {used}",
        "spoken": f"{used}, {left}",
    }


def limits() -> dict[str, Any]:
    rows = [
        meter("MAX_GROSS", "Gross exposure", "10.15 of 12.50 L", "₹2.35 L left", "0.812", "0.04", "warn", "warn"),
        meter("MARGIN", "Margin", "4.87 of 8.50 L", "₹3.63 L left", "0.573", "0.05"),
        meter("DAILY_LOSS", "Daily loss stop", "0 of 15,000", "₹15,000 left", "0"),
        meter("PREMIUM", "Option premium", "23,812 of 60,000", "₹36,188 left", "0.397"),
        meter("ORDERS_DAY", "Orders today", "212 of 5,000", "4,788 left", "0.0424"),
    ]
    return {"whose": "live account", "age": fresh(), "rows": rows, "empty": ""}


def ladder() -> dict[str, Any]:
    def rung(
        key: str, name: str, words: str, number: str, current: bool = False, danger: bool = True
    ) -> dict[str, Any]:
        return {
            "key": key,
            "name": name,
            "words": words,
            "number": number,
            "current": current,
            "danger": danger,
            "tone": "",
            "ask": f"{words}.",
            "does": name,
        }

    rungs = [
        rung("active", "Active", "orders pass 16 rules", "", current=True, danger=False),
        rung("reduce_only", "Reduce only", "5 strategies keep exits only", "1"),
        rung("halted", "Halt", "every new order refused", "2"),
        rung("cancel_all", "Cancel all", "4 working, 1 unconfirmed", "3"),
    ]
    return {"whose": "live account", "age": fresh(), "rungs": rungs}


def strategy(
    key: str, name: str, mode: str, state: str, mark: str, tone: str, at: str, words: str, orders: int, net: str
) -> dict[str, Any]:
    values = [str(((i * 37 + len(name) * 11) % 23 - 9) * 20 + i * float(net) / 40) for i in range(40)]
    return {
        "key": key,
        "name": name,
        "mode": mode,
        "state": state,
        "mark": mark,
        "tone": tone,
        "decided_at": at,
        "decision": words,
        "orders": orders,
        "net": net,
        "spark": values,
        "spark_tone": "up" if float(net) > 0 else "down",
        "href": "/strategies/1/",
        "age": fresh(),
    }


def strategies() -> dict[str, Any]:
    live = [
        strategy(
            "1",
            "Mean reversion",
            "live",
            "Running",
            "running",
            "",
            "2026-11-20T09:00:00Z",
            "Bought 240 INFY: RSI under 30",
            7,
            "3914.86",
        ),
        strategy(
            "2",
            "Opening range",
            "live",
            "Running",
            "running",
            "",
            "2026-11-20T09:01:00Z",
            "Held: 25,412 is inside its range",
            9,
            "4395.57",
        ),
        strategy(
            "3",
            "Momentum 15",
            "live",
            "Paused",
            "paused",
            "warn",
            "2026-11-20T07:35:00Z",
            "Three losses in a row, pause rule",
            4,
            "-1069.21",
        ),
    ]
    paper = [
        strategy(
            "4",
            "RSI pullback",
            "paper",
            "Running",
            "running",
            "",
            "2026-11-20T09:00:00Z",
            "No trade: RSI 41.2, not under 30",
            5,
            "1625.38",
        ),
        strategy(
            "5",
            "MA crossover",
            "paper",
            "Running",
            "running",
            "",
            "2026-11-20T08:45:00Z",
            "Bought 40 TCS: 20 crossed 50",
            1,
            "645.10",
        ),
        strategy(
            "6",
            "Momentum fast",
            "paper",
            "Error",
            "halted",
            "fault",
            "2026-11-20T08:32:00Z",
            "Stopped: error in on_candle",
            3,
            "-403.67",
        ),
    ]
    groups = [
        {"key": "zk", "mode": "live", "note": "ZK4821, real money", "net": "7241.22", "rows": live},
        {"key": "desk", "mode": "paper", "note": "Desk A, simulated fills", "net": "1866.81", "rows": paper},
    ]
    return {"counts": "3 live, 3 paper", "age": fresh(), "groups": groups, "empty": ""}


def order(
    key: str,
    at: str,
    side: str,
    quantity: int,
    symbol: str,
    tail: str,
    price: str,
    away: str | None,
    state: str,
    mark: str,
    tone: str = "ours",
    lane: str = "",
    second: str = "",
    mode: str = "live",
) -> dict[str, Any]:
    works = mark in ("working", "part")
    return {
        "key": key,
        "at": at,
        "side": side,
        "quantity": quantity,
        "symbol": symbol,
        "tail": tail,
        "price": price,
        "from_last": away,
        "state": state,
        "mark": mark,
        "tone": tone,
        "lane": lane,
        "second": second,
        "mode": mode,
        "story": f"/orders/{key}/",
        "story_only": not works,
        "cancel": f"/orders/{key}/cancel/" if works else None,
        "cancel_words": f"Cancel {side} {quantity} {symbol}",
        "story_words": f"Story of {side} {quantity} {symbol}",
    }


def orders_at_work() -> dict[str, Any]:
    rows = [
        order(
            "1",
            "2026-11-20T09:02:02Z",
            "Sell",
            65,
            "NIFTY 25400 CE",
            "23 Nov",
            "LIMIT 151.00",
            "0.15",
            "Unconfirmed",
            "warn",
            "warn",
            "lane-unconfirmed",
            "Looking for tag AP7K3M9QX2. Not in the order book after 2 reads; next read in 2 s. Not sent again.",
        ),
        order("2", "2026-11-20T09:01:40Z", "Sell", 240, "INFY", "", "LIMIT 1,524.00", "5.40", "Open", "working"),
        order(
            "3", "2026-11-20T09:00:05Z", "Sell", 240, "INFY", "", "SL 1,501.00", "17.60", "Trigger pending", "working"
        ),
        order("4", "2026-11-20T08:42:19Z", "Buy", 300, "HDFCBANK", "", "LIMIT 999.50", "4.30", "120 of 300", "part"),
        order(
            "5",
            "2026-11-20T08:45:02Z",
            "Sell",
            40,
            "TCS",
            "",
            "SL 3,060.00",
            "61.50",
            "Trigger pending",
            "working",
            mode="paper",
        ),
        order(
            "6",
            "2026-11-20T09:00:01Z",
            "Buy",
            240,
            "INFY",
            "",
            "LIMIT 1,512.40",
            None,
            "Filled 1,512.37",
            "tick",
            "",
            "done",
        ),
        order(
            "7",
            "2026-11-20T08:51:44Z",
            "Sell",
            80,
            "RELIANCE",
            "",
            "LIMIT 1,491.00",
            None,
            "Cancelled",
            "bar",
            "",
            "done",
        ),
    ]
    return {"counts": "1 unconfirmed, 4 working, 29 done", "age": fresh(), "rows": rows, "empty": ""}


def position(
    key: str,
    symbol: str,
    tail: str,
    quantity: int,
    average: str,
    last: str | None,
    stop: str,
    open_: str | None,
    mode: str = "live",
    age: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "key": key,
        "k": f"NSE:{symbol}",
        "symbol": symbol,
        "tail": tail,
        "quantity": quantity,
        "average": average,
        "last": last,
        "stop": stop,
        "open": open_,
        "bar_scale": "1500",
        "mode": mode,
        "age": age or fresh(),
        "deployment": "1",
    }


def positions() -> dict[str, Any]:
    live = [
        position("1", "INFY", "MIS", 240, "1512.37", "1518.60", "1,501.00", "1495.20"),
        position("2", "HDFCBANK", "MIS", -300, "1006.20", "1003.80", "1,011.50", "720.00"),
        position("3", "ICICIBANK", "MIS", -150, "1378.90", "1380.10", "1,386.00", "-180.00"),
        position("4", "NIFTY 25400 CE", "23 Nov NRML", 130, "142.30", "151.15", "128.00", "1150.50"),
        position("5", "NIFTY 25600 CE", "23 Nov NRML", -65, "61.20", "64.05", "78.00", "-185.25"),
        position("6", "RELIANCE", "MIS", 80, "1486.40", "1481.90", "1,474.00", "-360.00"),
    ]
    paper = [
        position("7", "TCS", "CNC", 40, "3105.00", "3121.50", "3,060.00", "660.00", "paper"),
        position("8", "SBIN", "MIS", -200, "921.15", "918.60", "927.00", "510.00", "paper", stale_price()),
    ]
    groups = [
        {"key": "zk", "mode": "live", "note": "ZK4821, 6 positions, ₹10.15 L gross", "open": "2640.45", "rows": live},
        {
            "key": "desk",
            "mode": "paper",
            "note": "Desk A, 2 positions, SBIN price 14 s old",
            "open": "1170.00",
            "rows": paper,
        },
    ]
    return {"counts": "6 live, 2 paper", "age": stale_price(), "groups": groups, "empty": ""}


def refused() -> dict[str, Any]:
    rows = [
        ("2026-11-20T08:59:00Z", "AXISBANK", "PRICE_COLLAR", "limit 1,298.00 is 3.4 % from last; 2.0 % allowed"),
        ("2026-11-20T08:28:00Z", "Mean reversion", "MAX_GROSS", "would be ₹12.86 L; limit ₹12.50 L"),
        ("2026-11-20T05:50:00Z", "SBIN", "QUOTE_AGE", "price was 6.2 s old; 5.0 s allowed"),
    ]
    named = [dict(zip(("at", "name", "code", "words"), row, strict=True)) | {"key": row[0]} for row in rows]
    return {"counts": "11", "age": fresh(), "rows": named, "empty": ""}


def events() -> dict[str, Any]:
    rows = [
        ("2026-11-20T09:02:02Z", "warn", "warn", "No reply to Sell 65 NIFTY 25400 CE"),
        ("2026-11-20T09:01:40Z", "working", "ours", "INFY target open at 1,524.00"),
        ("2026-11-20T09:00:01Z", "tick", "", "Bought 240 INFY at 1,512.37"),
        ("2026-11-20T09:00:00Z", "signal", "ours", "Mean reversion: buy INFY"),
        ("2026-11-20T08:59:58Z", "struck", "", "Paper: refused AXISBANK"),
        ("2026-11-20T08:32:00Z", "halted", "fault", "Paper: Momentum fast stopped itself"),
    ]
    named = [
        dict(zip(("at", "mark", "tone", "words"), row, strict=True)) | {"key": row[0], "href": None} for row in rows
    ]
    return {"age": fresh(), "rows": named, "empty": ""}


def live() -> dict[str, Any]:
    return common() | {
        "verdict": verdict(),
        "facts": facts(),
        "net": net(),
        "limits": limits(),
        "ladder": ladder(),
        "strategies": strategies(),
        "orders": orders_at_work(),
        "positions": positions(),
        "refused": refused(),
        "events": events(),
    }


def shell() -> dict[str, Any]:
    return common() | {
        "user": {"initials": "VM", "name": "V. Mehta", "staff": True},
        "commands": [
            {"words": "Go to Orders", "href": "/orders/"},
            {
                "words": "Pause Mean reversion",
                "mode": "live",
                "action": "/deployments/1/pause/",
                "asks": "Exits stay managed.",
            },
        ],
    }
