"""The series behind the charts of the counters: what the page has seen, and what the server remembers."""

from collections.abc import Callable

from playwright.sync_api import Page

SEEN = """async () => {
  const { LiveHistory, countersOf } = await import("/static/js/counter_history.js");
  const history = new LiveHistory();
  const zone = (now, entered) => ({ zones: { Yard: { now, entered, left: 0 } }, lines: {} });
  history.push(10, countersOf({ counts: { person: 2 } }));
  history.push(11, countersOf({ counts: { car: 1 }, measures: { zones: zone(1, 4) } }));
  history.push(12, countersOf({}));
  return history.series(() => true);
}"""

MANY = """async () => {
  const { LiveHistory } = await import("/static/js/counter_history.js");
  const history = new LiveHistory();
  for (let second = 0; second < 700; second += 1) history.push(second, [{ kind: "line", name: "Gate", values: { in: second } }]);
  const { times, series } = history.series((kind, part) => kind === "line" && part === "in");
  return [times.length, times[0], series[0][1].length, series[0][1][0], series[0][1].at(-1)];
}"""

REMEMBERED = """async () => {
  const { StoredHistory } = await import("/static/js/counter_history.js");
  const points = [{ at: 660, highest: 3, arrived: 5, departed: 1 }, { at: 780, highest: 1, arrived: 0, departed: 4 }];
  const history = new StoredHistory({ from: 600, to: 840, step: 60, counters: [{ kind: "zone", name: "Yard", points }] });
  return history.series(() => true);
}"""


def test_a_class_out_of_the_picture_is_none_of_it_and_a_zone_that_is_gone_is_not_known(open_page: Callable[..., Page]) -> None:
    seen = open_page("about").evaluate(SEEN)
    assert seen["times"] == [10, 11, 12]
    assert dict(map(tuple, seen["series"])) == {
        "person": [2, 0, 0], "Yard": [None, 1, None], "Yard in": [None, 4, None], "Yard out": [None, 0, None], "car": [None, 1, 0],
    }  # fmt: skip


def test_the_page_remembers_ten_minutes(open_page: Callable[..., Page]) -> None:
    assert open_page("about").evaluate(MANY) == [600, 100, 600, 100, 699]


def test_steps_in_which_nothing_was_counted_are_zero(open_page: Callable[..., Page]) -> None:
    remembered = open_page("about").evaluate(REMEMBERED)
    assert remembered["times"] == [600, 660, 720, 780]
    assert remembered["series"] == [["Yard", [0, 3, 0, 1]], ["Yard in", [0, 5, 0, 0]], ["Yard out", [0, 1, 0, 4]]]
