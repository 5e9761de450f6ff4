from __future__ import annotations

from asyncdl.cli.asking_contact import MAX_QUESTIONS, ask


class Person:
    """Types one answer after the other, and remembers what was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, text: str) -> str:
        self.asked.append(text)
        return self.answers.pop(0)


def test_a_good_answer_is_taken() -> None:
    person = Person(" me@museum.org ")
    assert ask("images.museum.org", person) == "me@museum.org"
    assert person.asked[0].startswith("images.museum.org and other public hosts")


def test_a_bad_one_is_explained_and_asked_again() -> None:
    person = Person("me@example.org", "nobody", "https://museum.org/me")
    assert ask("a.org", person) == "https://museum.org/me"
    assert "nobody reads mail" in person.asked[1]
    assert "neither an e-mail address" in person.asked[2]


def test_it_can_be_put_off_and_is_not_asked_for_ever() -> None:
    assert ask("a.org", Person("")) == ""
    stubborn = Person(*["no"] * 9)
    assert ask("a.org", stubborn) == ""
    assert len(stubborn.asked) == MAX_QUESTIONS


def test_a_host_cannot_move_the_cursor() -> None:
    person = Person("")
    ask("\x1b[2Ja.org", person)
    assert "\x1b" not in person.asked[0]
