"""Each engine has its turn in each round; a warm-up counts for nothing, and so does an engine that failed."""

from benchmarks.peers.rounds import take_turns
from ner_tasks.worker_process import WorkerFailed

LOADS = {"32x32": {"do": "time_graph", "n_pieces": 32}, "1x32": {"do": "time_graph", "n_pieces": 1}}


class Counting:
    """Answers how often it was asked, and fails at one of them."""

    def __init__(self, order, name, fails_at=None):
        self.order, self.name, self.fails_at, self.n_asked = order, name, fails_at, 0

    def ask(self, **request):
        self.n_asked += 1
        self.order.append((self.name, request["n_pieces"]))
        if self.n_asked == self.fails_at:
            raise WorkerFailed("found exit -9 of its process, expected an answer")
        return {"asked": self.n_asked}


def test_the_first_turn_under_each_load_is_a_warm_up():
    turns = take_turns({"a": Counting([], "a")}, LOADS, rounds=2)
    assert turns.answers == {"32x32": {"a": [{"asked": 2}, {"asked": 3}]}, "1x32": {"a": [{"asked": 5}, {"asked": 6}]}}


def test_every_engine_has_its_turn_before_any_has_the_next_and_none_is_always_first():
    order = []
    take_turns({name: Counting(order, name) for name in "abc"}, {"x": LOADS["32x32"]}, rounds=2)
    assert "".join(name for name, _ in order) == "abcbcacab"


def test_an_engine_that_fails_has_no_more_turns_and_no_rows_and_the_others_go_on():
    order = []
    workers = {"a": Counting(order, "a"), "b": Counting(order, "b", fails_at=5)}
    turns = take_turns(workers, LOADS, rounds=2)
    assert turns.failed == {"b": "found exit -9 of its process, expected an answer"}
    assert [list(answers) for answers in turns.answers.values()] == [["a"], ["a"]]
    assert len(turns.answers["1x32"]["a"]) == 2
    assert workers["b"].n_asked == 5


def test_each_step_is_told_before_its_turn():
    told = []
    take_turns({"a": Counting([], "a")}, {"x": LOADS["1x32"]}, rounds=1, step=told.append)
    assert told == ["x, warm-up, a", "x, round 1, a"]
