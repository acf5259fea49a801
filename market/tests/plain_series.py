"""The candle rules again in plain Python, one tick and one interval at a time: what the vectorised book must equal."""

from datetime import UTC, datetime

from market.domain.candles import ClosedCandle


class PlainBook:
    def __init__(self, intervals, sessions, live_since=0):
        self.intervals, self.sessions, self.live_since = intervals, sessions, live_since
        self.open_buckets, self.base, self.watermark, self.newest = {}, {}, 0, 0

    def end(self, token, interval, bucket):
        opens, closes = self.sessions[token]
        return min(opens + (bucket + 1) * interval * 60, closes)

    def note_gap(self, at):
        self.live_since = at
        for ticks in self.open_buckets.values():
            ticks["gap"] = True

    def tick(self, token, stamp, price, volume):
        self.newest = max(self.newest, stamp)
        opens, closes = self.sessions[token]
        for interval in self.intervals:
            key, bucket = (token, interval), max((stamp - opens) // (interval * 60), 0)
            early = stamp < opens and not (interval == 1440 and volume)
            ended = early or self.end(token, interval, bucket) + 2 <= self.watermark
            if early or (stamp < closes and ended):
                self.base[key] = max(self.base.get(key, -1), volume)
            elif stamp < closes:
                new = {"live": self.live_since <= opens + bucket * interval * 60, "gap": False, "seen": []}
                found = self.open_buckets.setdefault((*key, bucket), new)
                found["seen"].append((stamp, volume, len(found["seen"]), price))

    def close_until(self, watermark):
        self.watermark = max(self.watermark, self.newest, watermark)
        due = [
            (self.end(*key), key[1], key[0], key[2])
            for key in self.open_buckets
            if self.end(*key) + 2 <= self.watermark
        ]
        return [self.closed(*ended[1:]) for ended in sorted(due)]

    def closed(self, interval, token, bucket):
        made, key, opens = self.open_buckets.pop((token, interval, bucket)), (token, interval), 0
        opens = self.sessions[token][0]
        volumes, prices = [seen[1] for seen in made["seen"]], [seen[3] for seen in made["seen"]]
        since_open = self.live_since <= opens
        base = 0 if interval == 1440 else self.base.get(key, 0 if since_open else min(volumes))
        complete = made["live"] and not made["gap"] and (key in self.base or since_open)
        self.base[key] = max(self.base.get(key, -1), *volumes)
        first = min(made["seen"], key=lambda seen: seen[:3])[3]
        last = max(made["seen"], key=lambda seen: seen[:3])[3]
        start = datetime.fromtimestamp(opens + bucket * interval * 60, UTC)
        volume = max(max(volumes) - base, 0)
        return ClosedCandle(
            token, interval, start, first, max(prices), min(prices), last, volume, len(prices), complete
        )
