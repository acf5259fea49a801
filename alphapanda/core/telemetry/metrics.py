"""Every metric, declared once: what writes a number and what reads it use the same object.

Processes share them through files in ``PROMETHEUS_MULTIPROC_DIR``; ``/metrics`` adds them up.
"""

from prometheus_client import Counter, Gauge, Histogram

LATENCY = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# market
FEED_FRAMES = Counter("alphapanda_feed_frames_total", "Frames taken from the ticker", ["feed"])
FEED_TICKS = Counter("alphapanda_feed_ticks_total", "Good ticks appended to the stream", ["feed"])
FEED_DROPS = Counter("alphapanda_feed_drops_total", "Rows and frames not used", ["feed", "reason"])
FEED_RECONNECTS = Counter("alphapanda_feed_reconnects_total", "Connections made again", ["feed"])
FEED_FRAME_AGE = Gauge(
    "alphapanda_feed_frame_age_seconds",
    "Since the last frame of any kind",
    ["feed"],
    multiprocess_mode="mostrecent",
)
STREAM_LAG = Gauge(
    "alphapanda_stream_lag_entries",
    "Entries appended and not yet processed",
    ["shard"],
    multiprocess_mode="mostrecent",
)
LATE_TICKS = Counter("alphapanda_late_ticks_total", "Ticks for a candle already closed", ["shard"])
CANDLES = Counter("alphapanda_candles_total", "Candles closed", ["interval"])

# stages
STAGE_SECONDS = Histogram("alphapanda_stage_seconds", "Time a stage took", ["stage"], buckets=LATENCY)
TICK_TO_SIGNAL = Histogram(
    "alphapanda_tick_to_signal_seconds", "Frame received to signal committed (wall)", buckets=LATENCY
)
QUEUE_AGE = Gauge(
    "alphapanda_queue_age_seconds",
    "Age of the oldest row still waiting",
    ["queue"],
    multiprocess_mode="mostrecent",
)

# trading
SIGNALS = Counter("alphapanda_signals_total", "Signals by what became of them", ["state"])
ORDERS = Counter("alphapanda_orders_total", "Orders entering a state", ["state"])
REFUSALS = Counter("alphapanda_refusals_total", "Refusals by rule", ["code"])
FILLS = Counter("alphapanda_fills_total", "Fills booked", ["mode"])
DEAD_LETTERS = Counter("alphapanda_dead_letters_total", "Work given up after three attempts", ["task"])
ANNOUNCEMENTS_LOST = Counter("alphapanda_announcements_lost_total", "Announcements that did not leave", ["reason"])
