"""Workers follow the champion between batches; a release that cannot be loaded does not stop the desk."""

import threading

from workers.released import CheckpointUnusable, ReleasedDecider


class Named:
    def __init__(self, name):
        self.checkpoint_id = name

    def decide(self, evidence):
        return [self.checkpoint_id for _ in evidence]

    def reply(self, cases):
        return [self.checkpoint_id for _ in cases]


class Registry:
    def __init__(self):
        self.champion = "v1"
        self.loads = []

    def load(self, reference):
        self.loads.append(reference)
        if reference == "broken":
            raise CheckpointUnusable("digest differs")
        return Named(reference)


def test_a_new_champion_decides_the_next_batch_and_is_loaded_once():
    registry = Registry()
    decider = ReleasedDecider(lambda: registry.champion, registry.load)
    assert decider.decide([None]) == ["v1"]
    registry.champion = "v2"
    assert decider.reply([None]) == ["v1"], "what v1 decided, v1 answers"
    assert decider.decide([None, None]) == ["v2", "v2"]
    assert decider.decide([None]) == ["v2"]
    assert decider.checkpoint_id == "v2"
    assert registry.loads == ["v1", "v2"]


def test_a_broken_champion_is_tried_once_and_the_one_before_goes_on():
    registry = Registry()
    decider = ReleasedDecider(lambda: registry.champion, registry.load)
    registry.champion = "broken"
    assert [decider.decide([None]) for _ in range(3)] == [["v1"]] * 3
    assert registry.loads == ["v1", "broken"]
    registry.champion = "v2"
    assert decider.decide([None]) == ["v2"]
    registry.champion = "v1"
    assert decider.decide([None]) == ["v1"]


def test_what_a_thread_decided_before_a_release_is_answered_by_the_same_checkpoint():
    registry = Registry()
    decider = ReleasedDecider(lambda: registry.champion, registry.load)
    decided, released, replies = threading.Event(), threading.Event(), []

    def customer():
        decider.decide([None])
        decided.set()
        released.wait(10)
        replies.extend(decider.reply([None]))

    thread = threading.Thread(target=customer)
    thread.start()
    decided.wait(10)
    registry.champion = "v2"
    assert decider.decide([None]) == ["v2"]
    released.set()
    thread.join(10)
    assert replies == ["v1"]
