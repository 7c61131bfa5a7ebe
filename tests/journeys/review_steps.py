"""What several browser tests of the review pages do: ask the database, hold an item."""

from sqlalchemy import text


def rows(desk, statement, **values):
    with desk.sessions() as session:
        return session.execute(text(statement), values).all()


def held(person):
    return person.at("#hold").exists()
