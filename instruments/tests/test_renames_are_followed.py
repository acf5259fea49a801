"""A share that changes its symbol stays the same instrument: by itself where that is certain, else when asked."""

import pytest

from alphapanda.core.journal.models import Event
from instruments.models import Instrument, InstrumentName, RenameQuestion
from instruments.renames import CannotFollow, follow_rename, keep_apart
from instruments.tests.dumps_of import DAY, NEXT_DAY, future, index, load, share, shares

pytestmark = pytest.mark.django_db
ZOMATO = share("ZOMATO", 5097, name="ZOMATO")
ETERNAL = share("ETERNAL", 5097, name="ETERNAL")
REST = [index(), *shares(20)]
THIRD_DAY = NEXT_DAY.replace(day=19)


@pytest.fixture
def zomato():
    load(*REST, ZOMATO, future("ZOMATO26AUGFUT", 58001, name="ZOMATO"))
    return Instrument.objects.get(tradingsymbol="ZOMATO")


def question() -> RenameQuestion:
    return RenameQuestion.objects.get()


def test_a_share_gone_whose_token_a_new_one_has_in_the_same_load_is_renamed(zomato):
    changes = load(*REST, ETERNAL, future("ETERNAL26AUGFUT", 58001, name="ETERNAL"), day=NEXT_DAY).exchanges
    zomato.refresh_from_db()
    assert (zomato.key, zomato.name, zomato.listed, zomato.token_since) == ("NSE:ETERNAL", "ETERNAL", True, None)
    assert (changes["NSE"].renamed, changes["NSE"].new, changes["NSE"].gone) == (1, 0, 0)
    assert changes["NSE"].examples["renamed"] == ["ZOMATO → ETERNAL"]
    assert changes["NFO"].examples["renamed"] == ["ZOMATO26AUGFUT → ETERNAL26AUGFUT"]
    assert Event.objects.filter(kind="instrument.renamed", key="NSE:ETERNAL").count() == 1
    assert not RenameQuestion.objects.exists()


def test_its_former_symbol_still_finds_it_and_is_known_by_the_day(zomato):
    load(*REST, ETERNAL, day=NEXT_DAY, accept_losses=True)
    assert Instrument.objects.by_key("NSE:ZOMATO") == zomato
    assert Instrument.objects.by_keys(["NSE:ZOMATO", "NSE:ETERNAL"]) == {"NSE:ZOMATO": zomato, "NSE:ETERNAL": zomato}
    zomato.refresh_from_db()
    assert [zomato.symbol_on(day) for day in (DAY, NEXT_DAY, THIRD_DAY)] == ["ZOMATO", "ETERNAL", "ETERNAL"]
    with pytest.raises(Instrument.DoesNotExist):
        Instrument.objects.by_key("NSE:NOBODY")


def test_a_symbol_that_is_somebodys_again_means_them_and_not_who_was_renamed_from_it(zomato):
    load(*REST, ETERNAL, day=NEXT_DAY, accept_losses=True)
    load(*REST, ETERNAL, share("ZOMATO", 9999), day=THIRD_DAY)
    newcomer = Instrument.objects.get(tradingsymbol="ZOMATO")
    assert Instrument.objects.by_key("NSE:ZOMATO") == newcomer != zomato


def test_renamed_twice_it_keeps_both_names(zomato):
    load(*REST, ETERNAL, day=NEXT_DAY, accept_losses=True)
    load(*REST, share("FOREVER", 5097), day=THIRD_DAY)
    names = InstrumentName.objects.filter(instrument=zomato).order_by("valid_from")
    assert [(one.tradingsymbol, one.valid_from, one.valid_to) for one in names] == [
        ("ZOMATO", DAY, NEXT_DAY),
        ("ETERNAL", NEXT_DAY, THIRD_DAY),
    ]


def test_an_expired_contract_whose_token_is_a_new_ones_is_not_renamed():
    load(*REST, future("INFY26AUGFUT", 58001, expiry=str(DAY)))
    load(*REST, future("INFY26SEPFUT", 58001, expiry="2026-09-29"), day=NEXT_DAY)
    assert Instrument.objects.filter(instrument_type="FUT").count() == 2
    assert not RenameQuestion.objects.exists()


def test_the_same_companys_share_under_another_token_is_asked_about(zomato):
    load(*REST, share("ZOMATO-BE", 7000, name="ZOMATO"), day=NEXT_DAY, accept_losses=True)
    asked = question()
    assert (asked.former, asked.successor_symbol, asked.state) == (zomato, "NSE:ZOMATO-BE", "asked")
    assert asked.why == "both are named ZOMATO, and one went as the other came"
    assert Instrument.objects.get(tradingsymbol="ZOMATO-BE") == asked.successor


def test_a_token_that_comes_back_to_a_share_days_later_is_asked_about(zomato):
    load(*REST, day=NEXT_DAY, accept_losses=True)
    load(*REST, ETERNAL, day=THIRD_DAY)
    assert (question().former, question().successor_symbol) == (zomato, "NSE:ETERNAL")


def test_a_question_is_asked_once(zomato):
    for day in (NEXT_DAY, THIRD_DAY):
        load(*REST, share("ZOMATO-BE", 7000, name="ZOMATO"), day=day, accept_losses=True)
    assert RenameQuestion.objects.count() == 1


def test_answered_the_same_the_former_takes_over_all_that_the_new_one_had(zomato):
    load(*REST, share("ZOMATO-BE", 7000, name="ZOMATO"), day=NEXT_DAY, accept_losses=True)
    follow_rename(question(), "mehta")
    zomato.refresh_from_db()
    assert (zomato.key, zomato.listed, zomato.instrument_token) == ("NSE:ZOMATO-BE", True, 7000 * 256 + 1)
    assert (zomato.token_from, zomato.symbol_on(DAY)) == (NEXT_DAY, "ZOMATO")
    assert Instrument.objects.filter(name="ZOMATO", instrument_type="EQ").count() == 1
    assert (question().state, question().answered_by) == ("followed", "mehta")
    load(*REST, share("ZOMATO-BE", 7000, name="ZOMATO"), day=THIRD_DAY)
    assert Instrument.objects.get(tradingsymbol="ZOMATO-BE") == zomato


def test_answered_different_both_stand(zomato):
    load(*REST, share("ZOMATO-BE", 7000, name="ZOMATO"), day=NEXT_DAY, accept_losses=True)
    keep_apart(question(), "mehta")
    with pytest.raises(CannotFollow, match=r"answered already"):
        follow_rename(question(), "mehta")
    assert Instrument.objects.filter(name="ZOMATO", instrument_type="EQ").count() == 2


def test_a_dry_run_renames_nothing(zomato):
    load(*REST, ETERNAL, day=NEXT_DAY, accept_losses=True, dry_run=True)
    zomato.refresh_from_db()
    assert zomato.tradingsymbol == "ZOMATO"
