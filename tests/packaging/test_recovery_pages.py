"""The pages of recoveries: ten, of five commands at most, in the very words of the product."""

from __future__ import annotations

import pytest

from tests.recoveries import PAGES, named, recoveries


@pytest.mark.parametrize("language", PAGES)
def test_each_of_ten_recoveries_has_few_commands_and_words_of_the_product(language: str) -> None:
    page = recoveries(language)
    assert [one.title.partition(".")[0] for one in page] == [str(number) for number in range(1, 11)]
    for one in page:
        assert one.seen or one.title.startswith("2."), "only a dead machine says nothing"
        assert one.right, one.title
        assert 1 <= len(one.commands) <= 5, one.title
        assert [words for words in one.seen + one.right if not named(language, words)] == [], one.title


def test_both_pages_quote_the_same_messages_and_give_the_same_commands() -> None:
    for chinese, english in zip(*map(recoveries, PAGES), strict=True):
        assert chinese.commands == english.commands
        for here, there in ((chinese.seen, english.seen), (chinese.right, english.right)):
            pairs = zip(here, there, strict=True)
            apart = [pair for pair in pairs if not named("zh", pair[0]) & named("en", pair[1])]
            assert apart == [], chinese.title
