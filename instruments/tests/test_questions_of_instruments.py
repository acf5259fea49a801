from datetime import date, datetime, time
from decimal import Decimal

import pytest

from alphapanda.core.timezone import IST
from instruments.calendar import load_calendar
from instruments.health import instrument_problems
from instruments.models import FreezeQuantity, Instrument, TradingSession
from instruments.tests.dumps_of import DAY, NEXT_DAY, future, index, load, option, share

pytestmark = pytest.mark.django_db


@pytest.fixture
def _instruments():
    load(
        index(),
        share(),
        share("INFYX", 1700, name="INFOSYS X"),
        future(),
        option(),
        option("NIFTY26AUG25000PE", 40002),
        option("NIFTY26AUG25100CE", 40003, strike="25100"),
    )


def found(text: str) -> list[str]:
    return [instrument.tradingsymbol for instrument in Instrument.objects.search(text)]


@pytest.mark.usefixtures("_instruments")
class TestOfInstruments:
    def test_a_key_finds_its_instrument(self):
        assert Instrument.objects.by_key("NSE:NIFTY 50").is_index

    def test_an_unknown_key_is_named(self):
        with pytest.raises(Instrument.DoesNotExist, match="no instrument NSE:NOBODY"):
            Instrument.objects.by_key("NSE:NOBODY")

    def test_many_keys_are_found_in_one_question(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            Instrument.objects.by_keys(["NSE:INFY", "NFO:INFY26AUGFUT"])
        with django_assert_num_queries(2):  # what nobody bears may be a former name
            answer = Instrument.objects.by_keys(["NSE:INFY", "NFO:INFY26AUGFUT", "NSE:NOBODY"])
        assert {key: instrument.key for key, instrument in answer.items()} == {
            "NSE:INFY": "NSE:INFY",
            "NFO:INFY26AUGFUT": "NFO:INFY26AUGFUT",
        }
        assert Instrument.objects.by_keys([]) == {}

    def test_search_puts_the_exact_symbol_first(self):
        assert found("infy") == ["INFY", "INFY26AUGFUT", "INFYX"]

    def test_search_takes_words_in_any_order(self):
        assert found("25000 nifty ce") == ["NIFTY26AUG25000CE"]

    def test_search_takes_wild_cards_for_what_they_are(self):
        assert found("%") == []
        assert found("") != []

    def test_options_of_an_expiry_come_by_strike(self):
        options = Instrument.objects.options_of("NIFTY", date(2026, 8, 25))
        assert [(o.strike, o.instrument_type) for o in options] == [
            (Decimal(25000), "CE"),
            (Decimal(25000), "PE"),
            (Decimal(25100), "CE"),
        ]

    def test_futures_of_an_underlying_come_by_expiry(self):
        assert [f.tradingsymbol for f in Instrument.objects.futures_of("INFY")] == ["INFY26AUGFUT"]


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=IST)


@pytest.mark.usefixtures("_instruments")
class TestOfSessions:
    @pytest.fixture(autouse=True)
    def _calendar(self):
        load_calendar(years=[2026])

    def test_a_share_with_futures_is_in_the_auction_when_others_still_trade(self):
        moment = at(DAY, "15:20")
        shares = [Instrument.objects.by_key(key).schedule(DAY) for key in ("NSE:INFY", "NSE:INFYX")]
        assert [day.phase_at(moment).kind for day in shares] == ["auction", "continuous"]

    def test_an_index_option_stops_earlier_on_its_last_day_only(self):
        tuesday = date(2026, 12, 8)
        load(option("NIFTY26D0825000CE", 41000, expiry=str(tuesday)), future(), day=NEXT_DAY, accept_losses=True)
        call = Instrument.objects.by_key("NFO:NIFTY26D0825000CE")
        assert call.schedule(tuesday).closes_at == at(tuesday, "15:30")
        assert call.schedule(date(2026, 12, 7)).closes_at == at(date(2026, 12, 7), "15:45")

    def test_a_share_future_trades_to_the_end_on_its_last_day(self):
        tuesday = date(2026, 12, 29)
        load(future("INFY26DECFUT", 58009, expiry=str(tuesday)), option(), day=NEXT_DAY, accept_losses=True)
        assert Instrument.objects.by_key("NFO:INFY26DECFUT").schedule(tuesday).closes_at == at(tuesday, "15:45")

    def test_many_instruments_schedules_take_two_questions_at_most(self, django_assert_max_num_queries):
        instruments = list(Instrument.objects.all())
        with django_assert_max_num_queries(2):
            schedules = TradingSession.objects.schedules(instruments, date(2026, 8, 25))
        assert {instrument.key: str(schedules[instrument.pk].closes_at.time()) for instrument in instruments} == {
            "NSE:NIFTY 50": "15:30:00",
            "NSE:INFY": "15:15:00",
            "NSE:INFYX": "15:30:00",
            "NFO:INFY26AUGFUT": "15:40:00",
            "NFO:NIFTY26AUG25000CE": "15:40:00",
            "NFO:NIFTY26AUG25000PE": "15:40:00",
            "NFO:NIFTY26AUG25100CE": "15:40:00",
        }

    def test_an_instrument_without_a_session_that_day_is_of_an_unknown_day(self):
        infy = Instrument.objects.by_key("NSE:INFY")
        assert not infy.schedule(date(2027, 1, 4)).known

    def test_the_next_trading_day_skips_weekends_and_holidays(self):
        sessions = TradingSession.objects
        assert sessions.next_trading_day("NSE", "equity", date(2026, 11, 23)) == date(2026, 11, 25)
        assert sessions.next_trading_day("NSE", "equity", date(2026, 12, 31)) is None

    def test_the_freeze_quantity_in_force_is_the_newest_that_has_begun(self):
        FreezeQuantity.objects.create(
            exchange="NFO", underlying="NIFTY", effective_from=date(2026, 9, 1), quantity=900, source="test"
        )
        call, infy = Instrument.objects.by_key("NFO:NIFTY26AUG25000CE"), Instrument.objects.by_key("NSE:INFY")
        days = (date(2026, 8, 2), date(2026, 8, 3), date(2026, 9, 1))
        assert [FreezeQuantity.objects.freeze_for(call, day) for day in days] == [None, 1800, 900]
        assert FreezeQuantity.objects.freeze_for(infy, date(2026, 8, 3)) is None

    def test_says_when_todays_dump_is_not_loaded(self):
        assert instrument_problems(DAY) == []
        assert instrument_problems(NEXT_DAY) == ["Today's instruments are not loaded: those of 17 Aug 2026 stand."]
        assert instrument_problems(date(2026, 8, 22)) == []


def test_says_when_there_are_no_instruments():
    assert instrument_problems(DAY) == ["There are no instruments. Run load_instruments."]
