"""What is listed on the simulated exchange: shares, indices, futures and weekly options."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from kitesim.exchange.trading_days import monthly_expiries, monthly_expiry

NSE, NFO, BSE, INDICES = 1, 2, 4, 9
COLUMNS = (
    "instrument_token", "exchange_token", "tradingsymbol", "name", "last_price", "expiry", "strike", "tick_size",
    "lot_size", "instrument_type", "segment", "exchange",
)  # fmt: skip


@dataclass(frozen=True)
class Share:
    """A company as the simulation knows it: ``price`` in rupees, ``volume`` in shares a day."""

    symbol: str
    exchange_token: int
    name: str
    sector: str
    price: float
    beta: float
    volatility: float
    volume: int
    weight: float
    lot: int


SHARES = (
    Share("RELIANCE", 2885, "RELIANCE INDUSTRIES", "energy", 1432.0, 1.05, 0.009, 11_000_000, 9.0, 500),
    Share("HDFCBANK", 1333, "HDFC BANK", "bank", 986.0, 0.95, 0.007, 18_000_000, 13.0, 550),
    Share("ICICIBANK", 4963, "ICICI BANK", "bank", 1372.0, 1.05, 0.008, 12_000_000, 9.0, 700),
    Share("INFY", 1594, "INFOSYS", "it", 1488.0, 0.95, 0.010, 7_500_000, 6.0, 400),
    Share("TCS", 11536, "TATA CONSULTANCY SERV LT", "it", 3064.0, 0.80, 0.009, 2_600_000, 4.0, 175),
    Share("BHARTIARTL", 10604, "BHARTI AIRTEL", "telecom", 2054.0, 0.80, 0.010, 5_400_000, 4.5, 475),
    Share("ITC", 1660, "ITC", "fmcg", 408.0, 0.60, 0.007, 14_000_000, 4.0, 1600),
    Share("LT", 11483, "LARSEN & TOUBRO", "infra", 3912.0, 1.10, 0.009, 1_900_000, 4.0, 175),
    Share("SBIN", 3045, "STATE BANK OF INDIA", "bank", 958.0, 1.15, 0.010, 9_800_000, 3.5, 750),
    Share("AXISBANK", 5900, "AXIS BANK", "bank", 1232.0, 1.15, 0.010, 6_900_000, 3.2, 625),
    Share("KOTAKBANK", 1922, "KOTAK MAHINDRA BANK", "bank", 2088.0, 0.90, 0.009, 3_100_000, 2.8, 400),
    Share("HINDUNILVR", 1394, "HINDUSTAN UNILEVER", "fmcg", 2436.0, 0.50, 0.008, 1_500_000, 2.0, 300),
    Share("BAJFINANCE", 317, "BAJAJ FINANCE", "finance", 1018.0, 1.25, 0.012, 7_200_000, 2.4, 750),
    Share("MARUTI", 10999, "MARUTI SUZUKI INDIA", "auto", 15910.0, 0.90, 0.010, 380_000, 1.8, 50),
    Share("SUNPHARMA", 3351, "SUN PHARMACEUTICAL IND L", "pharma", 1744.0, 0.70, 0.009, 2_200_000, 1.7, 350),
    Share("TITAN", 3506, "TITAN COMPANY", "consumer", 3872.0, 0.90, 0.010, 1_000_000, 1.4, 175),
    Share("TATASTEEL", 3499, "TATA STEEL", "metal", 172.40, 1.25, 0.013, 28_000_000, 1.3, 5500),
    Share("NTPC", 11630, "NTPC", "energy", 328.0, 0.95, 0.010, 10_500_000, 1.5, 1500),
    Share("HCLTECH", 7229, "HCL TECHNOLOGIES", "it", 1606.0, 0.90, 0.010, 2_400_000, 1.5, 350),
    Share("WIPRO", 3787, "WIPRO", "it", 243.60, 0.95, 0.011, 9_000_000, 0.8, 3000),
    Share("BEL", 383, "BHARAT ELECTRONICS", "infra", 417.0, 1.20, 0.013, 13_500_000, 1.2, 1425),
    Share("ONGC", 2475, "OIL AND NATURAL GAS CORP.", "energy", 247.30, 0.90, 0.011, 9_200_000, 0.9, 2250),
    Share("POWERGRID", 14977, "POWER GRID CORP.", "energy", 279.0, 0.80, 0.009, 8_800_000, 1.1, 1900),
    Share("BHEL", 438, "BHEL", "infra", 284.0, 1.30, 0.015, 9_500_000, 0.4, 2625),
)
KNOWN_TOKENS = {share.symbol: share.exchange_token * 256 + NSE for share in SHARES}
INDEX_TOKENS = {"NIFTY 50": 256265, "NIFTY BANK": 260105, "SENSEX": 265}
NIFTY_LOT, STRIKE_STEP, STRIKES_AROUND = 65, 50, 8


@dataclass(frozen=True)
class Instrument:
    """One row of the dump. ``tick`` and ``strike`` are in paise."""

    token: int
    symbol: str
    name: str
    exchange: str
    segment: str
    instrument_type: str
    tick: int
    lot: int = 1
    expiry: date | None = None
    strike: int = 0

    @property
    def key(self) -> str:
        return f"{self.exchange}:{self.symbol}"

    @property
    def is_index(self) -> bool:
        return self.segment == "INDICES"

    @property
    def is_derivative(self) -> bool:
        return self.expiry is not None

    @property
    def is_option(self) -> bool:
        return self.instrument_type in ("CE", "PE")


def cash_tick(price: float) -> int:
    """NSE's tick in paise by price, in force since 15 April 2025."""
    bands = ((250, 1), (1000, 5), (5000, 10), (10_000, 50), (20_000, 100))
    return next((tick for below, tick in bands if price < below), 500)


def index_future_tick(level: float) -> int:
    return 5 if level < 15_000 else 10 if level < 30_000 else 20


def share_row(share: Share) -> Instrument:
    token = share.exchange_token * 256 + NSE
    return Instrument(token, share.symbol, share.name, "NSE", "NSE", "EQ", cash_tick(share.price))


def index_rows() -> list[Instrument]:
    exchanges = {"SENSEX": "BSE"}
    return [
        Instrument(token, name, name, exchanges.get(name, "NSE"), "INDICES", "EQ", 0)
        for name, token in INDEX_TOKENS.items()
    ]


def future_row(underlying: str, number: int, expiry: date, tick: int, lot: int) -> Instrument:
    """``number`` keeps the tokens of one expiry month apart."""
    token = (80_000 + expiry.month * 64 + number) * 256 + NFO
    symbol = f"{underlying}{expiry:%y}{expiry:%b}FUT".upper()
    return Instrument(token, symbol, underlying, "NFO", "NFO-FUT", "FUT", tick, lot, expiry)


def future_rows(day: date, index_level: float) -> list[Instrument]:
    rows = []
    for expiry in monthly_expiries(day, 2):
        rows.append(future_row("NIFTY", 0, expiry, index_future_tick(index_level), NIFTY_LOT))
        rows += [
            future_row(share.symbol, number, expiry, cash_tick(share.price), share.lot)
            for number, share in enumerate(SHARES, start=1)
        ]
    return rows


def option_symbol(expiry: date, strike: int, kind: str) -> str:
    """``strike`` in rupees. Monthly contracts name the month, weekly ones a letter or digit and the day."""
    if expiry == monthly_expiry(expiry.year, expiry.month):
        return f"NIFTY{expiry:%y}{expiry:%b}{strike}{kind}".upper()
    month = "123456789OND"[expiry.month - 1]
    return f"NIFTY{expiry:%y}{month}{expiry:%d}{strike}{kind}"


def option_row(expiry: date, strike: int, kind: str) -> Instrument:
    """Tokens come round again after forty weeks, as the exchange's do after expiry."""
    week = ((expiry + timedelta(days=6)) - date(2024, 1, 2)).days // 7 % 40
    number = (strike // STRIKE_STEP % 512) * 2 + (kind == "PE")
    token = (35_000 + week * 1024 + number) * 256 + NFO
    symbol = option_symbol(expiry, strike, kind)
    return Instrument(token, symbol, "NIFTY", "NFO", "NFO-OPT", kind, 5, NIFTY_LOT, expiry, strike * 100)


def option_rows(expiry: date, strikes: Iterable[int]) -> list[Instrument]:
    return [option_row(expiry, strike, kind) for strike in sorted(strikes) for kind in ("CE", "PE")]


def _dump_row(row: Instrument) -> list[object]:
    expiry = row.expiry.isoformat() if row.expiry else ""
    lot = 0 if row.is_index else row.lot
    return [
        row.token, row.token >> 8, row.symbol, row.name, 0, expiry, f"{row.strike / 100:g}",
        f"{row.tick / 100:g}", lot, row.instrument_type, row.segment, row.exchange,
    ]  # fmt: skip


def instruments_csv(rows: Iterable[Instrument], exchange: str | None = None) -> str:
    """The instruments file as Kite serves it; the index rows have tick and lot 0."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_dump_row(row) for row in rows if exchange in (None, row.exchange))
    return out.getvalue()
