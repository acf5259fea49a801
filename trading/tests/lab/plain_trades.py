"""The three rules in plain Python over whole paise: what each decides at a close fills at the next open. Nothing of
ours and of nobody else is in it."""

QUANTITY = 10


def trades_of(rule, candles):
    """Candles are (time, open, high, low, close); trades are in words, as ``rival_trades.json`` has them."""
    decide, trades, held, wanted = DECIDERS[rule](), [], 0, None
    closes = []
    for when, opens, _, _, close in candles:
        if wanted is not None and bool(wanted) != bool(held):
            if wanted:
                trades.append(f"{wanted * QUANTITY} in {when} at {opens}, still held")
            else:
                trades[-1] = trades[-1].replace("still held", f"out {when} at {opens}")
            held = wanted
        wanted = decide(closes, close, when[11:], held)
        closes.append(close)
    return trades


def crossing_averages():
    side = 0

    def decide(before, close, clock, held):
        nonlocal side
        last = [*before[-49:], close]
        if len(last) < 50:
            return None
        was, gap = side, 50 * sum(last[-20:]) - 20 * sum(last)
        side = (gap > 0) - (gap < 0) or was
        if held:
            return 0 if side < 0 else None
        return 1 if side > 0 > was and clock != "15:29" else None

    return decide


def breakout():
    def decide(before, close, clock, held):
        if held:
            passed = close < min(before[-10:]) if held > 0 else close > max(before[-10:])
            return 0 if passed or clock >= "15:00" else None
        if not "10:00" <= clock < "14:30":
            return None
        return 1 if close > max(before[-30:]) else -1 if close < min(before[-30:]) else None

    return decide


def by_the_clock():
    entries, since = 0, 0

    def decide(before, close, clock, held):
        nonlocal entries, since
        if held:
            return 0 if len(before) == since + 20 else None
        if clock not in ("09:44", "11:14", "13:09"):
            return None
        entries, since = entries + 1, len(before)
        return 1 if entries % 2 else -1

    return decide


DECIDERS = {"crossing averages": crossing_averages, "breakout": breakout, "by the clock": by_the_clock}
