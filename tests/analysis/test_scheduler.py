import threading

import pytest

from sightline.analysis import seat as seat_module
from sightline.analysis import unit as analyzer_unit
from sightline.analysis.scheduler import Analysis
from sightline.media.findings import Findings, Happening
from sightline.media.stage import Target, register, stage
from tests.live_fakes import frame, wait_for
from tests.live_stages import Amount, resources, stages  # noqa: F401 - fixtures


class Listener:
    def __init__(self):
        self.findings = []
        self.told = []

    def on_findings(self, findings):
        self.findings.append(findings)

    def on_stage_event(self, kind, stage_name, message):
        self.told.append((kind, stage_name))


@pytest.fixture
def analysis(stages, resources):  # noqa: F811
    stages.add("boxes", "analyzer", rate_hz=1e6)
    stages.add("other", "analyzer", rate_hz=1e6)
    stages.add("shared", "analyzer", rate_hz=1e6, shared=True)
    analysis = Analysis(resources, threads=2)
    yield analysis
    analysis.close()


def watch(analysis, camera_id="cam", *names):
    listener = Listener()
    analysis.watch(camera_id, listener)
    analysis.configure(camera_id, {name: stage(name).params() for name in names})
    return listener


def test_a_frame_is_looked_at_and_the_camera_hears_of_it(analysis):
    listener = watch(analysis, "cam", "boxes")
    analysis.submit(frame(1))
    wait_for(lambda: listener.findings, "findings")
    assert analysis.newest("cam")["boxes"].seq == 1
    assert analysis.carried("cam", frame(2).pts_ns)["boxes"].detections


def test_a_camera_without_analyzers_costs_nothing(analysis, stages):  # noqa: F811
    watch(analysis, "cam")
    analysis.submit(frame(1))
    analysis.submit(frame(1, camera_id="unknown"))
    assert stages.built == {}


def test_a_slow_analyzer_gets_the_newest_frame_and_does_not_hold_up_another(analysis, stages):  # noqa: F811
    listener = watch(analysis, "cam", "boxes", "other")
    analysis.submit(frame(1))
    wait_for(lambda: len(listener.findings) == 2, "the first findings of both")
    slow = stages.newest("boxes")
    slow.go.clear()
    for seq in range(2, 30):
        analysis.submit(frame(seq))
        wait_for(lambda seq=seq: analysis.newest("cam")["other"].seq == seq, f"frame {seq} through the quick one")
    slow.go.set()
    wait_for(lambda: analysis.newest("cam")["boxes"].seq == 29, "the newest frame through the slow one")
    assert len(slow.batches) <= 4
    report = next(r for r in analysis.reports("cam") if r.name == "boxes")
    assert report.drops > 0


def test_an_analyzer_runs_at_its_own_rate(analysis, stages):  # noqa: F811
    stages.add("seldom", "analyzer", rate_hz=0.01)
    listener = watch(analysis, "cam", "seldom", "boxes")
    for seq in range(1, 6):
        analysis.submit(frame(seq))
        wait_for(lambda seq=seq: analysis.newest("cam").get("boxes", frame(0)).seq == seq, "the quick one")
    wait_for(lambda: [f for f in listener.findings if f.analyzer == "seldom"], "the seldom one")
    assert len([f for f in listener.findings if f.analyzer == "seldom"]) == 1


def test_a_shared_analyzer_is_one_instance_and_takes_a_batch(analysis, stages, monkeypatch):  # noqa: F811
    monkeypatch.setattr(analyzer_unit, "BATCH_WINDOW_NS", 5_000_000_000)
    listeners = [watch(analysis, name, "shared") for name in ("a", "b", "c")]
    for name in ("a", "b", "c"):
        analysis.submit(frame(1, camera_id=name))
    wait_for(lambda: all(listener.findings for listener in listeners), "findings of all three")
    assert len(stages.built["shared"]) == 1
    assert sorted(stages.newest("shared").batches[0]) == ["a", "b", "c"]
    assert [listener.findings[0].camera_id for listener in listeners] == ["a", "b", "c"]


def test_a_shared_analyzer_does_not_wait_long_for_a_silent_camera(analysis):
    listener = watch(analysis, "a", "shared")
    watch(analysis, "silent", "shared")
    analysis.submit(frame(1, camera_id="a"))
    wait_for(lambda: listener.findings, "findings without the silent camera")


def test_an_own_analyzer_is_one_instance_per_camera(analysis, stages):  # noqa: F811
    listeners = [watch(analysis, name, "boxes") for name in ("a", "b")]
    for name in ("a", "b"):
        analysis.submit(frame(1, camera_id=name))
    wait_for(lambda: all(listener.findings for listener in listeners), "findings of both")
    assert len(stages.built["boxes"]) == 2


def test_a_failing_analyzer_is_told_once_others_go_on_and_it_recovers(analysis, stages, monkeypatch):  # noqa: F811
    monkeypatch.setattr(analyzer_unit, "FIRST_RETRY_S", 0.01)
    monkeypatch.setattr(analyzer_unit, "LAST_RETRY_S", 0.01)
    stages.refuse["boxes"] = RuntimeError("no such weights")
    listener = watch(analysis, "cam", "boxes", "other")

    def feed_until(condition, what):
        seqs = iter(range(1, 100_000))
        wait_for(lambda: analysis.submit(frame(next(seqs))) or condition(), what)

    feed_until(lambda: len([f for f in listener.findings if f.analyzer == "other"]) > 3, "the other analyzer")
    feed_until(lambda: listener.told, "the failure")
    report = next(r for r in analysis.reports("cam") if r.name == "boxes")
    assert (report.state, report.error) == ("failing", "RuntimeError: no such weights")
    del stages.refuse["boxes"]
    feed_until(lambda: len(listener.told) == 2, "the recovery")
    assert listener.told == [("analysis.failed", "boxes"), ("analysis.recovered", "boxes")]


def test_an_unavailable_analyzer_says_why(analysis, stages):  # noqa: F811
    stages.missing["boxes"] = "The weights are not here. Fetch them."
    listener = watch(analysis, "cam", "boxes")
    analysis.submit(frame(1))
    wait_for(lambda: listener.told, "the failure")
    report = analysis.reports("cam")[0]
    assert (report.state, report.error) == ("unavailable", "The weights are not here. Fetch them.")


@pytest.mark.parametrize("answer", [None, [], [1], "text"])
def test_nonsense_from_an_analyzer_is_a_failure(analysis, stages, answer):  # noqa: F811
    listener = watch(analysis, "cam", "boxes")
    analysis.submit(frame(1))
    wait_for(lambda: listener.findings, "findings")
    stages.newest("boxes").analyze = lambda frames: answer
    analysis.submit(frame(2))
    wait_for(lambda: listener.told == [("analysis.failed", "boxes")], "the failure")


def test_switching_off_closes_the_instance_and_forgets_its_findings(analysis, stages):  # noqa: F811
    listener = watch(analysis, "cam", "boxes")
    analysis.submit(frame(1))
    wait_for(lambda: listener.findings, "findings")
    analysis.configure("cam", {})
    wait_for(lambda: stages.newest("boxes").is_closed, "the end of the instance")
    assert analysis.newest("cam") == {}
    assert analysis.reports("cam") == ()


def test_results_that_come_after_switching_off_are_dropped(analysis, stages):  # noqa: F811
    listener = watch(analysis, "cam", "boxes")
    analysis.submit(frame(1))
    wait_for(lambda: listener.findings, "findings")
    instance = stages.newest("boxes")
    instance.go.clear()
    analysis.submit(frame(2))
    wait_for(lambda: analysis._units and next(iter(analysis._units.values())).is_busy, "the second look")
    analysis.configure("cam", {})
    instance.go.set()
    wait_for(lambda: instance.is_closed, "the end of the instance")
    assert len(listener.findings) == 1


def test_new_parameters_keep_the_count_and_old_ones_are_let_go(analysis, stages):  # noqa: F811
    listener = watch(analysis, "cam", "boxes")
    for seq in (1, 2, 3):
        analysis.submit(frame(seq))
        wait_for(lambda seq=seq: len(listener.findings) >= seq, "findings")
    assert analysis.distinct("cam", "boxes") == 1
    analysis.configure("cam", {"boxes": stage("boxes").params(amount=5)})
    assert analysis.distinct("cam", "boxes") == 1
    analysis.reset_counts("cam")
    assert analysis.distinct("cam", "boxes") == 0


def test_the_target_reaches_the_analyzer_before_its_next_look_and_after_a_restart_of_it(analysis, stages):  # noqa: F811
    listener = watch(analysis, "cam", "boxes")
    target = Target((1, 2, 3, 4))
    assert analysis.follow("cam", "boxes", target)
    analysis.submit(frame(1))
    wait_for(lambda: listener.findings, "findings")
    assert stages.newest("boxes").target == target
    assert analysis.follow("cam", "boxes", None)
    analysis.submit(frame(2))
    wait_for(lambda: len(listener.findings) == 2, "more findings")
    assert stages.newest("boxes").target is None
    assert not analysis.follow("cam", "other", target)


def test_falling_behind_is_told_once(analysis, monkeypatch):
    monkeypatch.setattr(seat_module, "SLOW_AFTER_S", 0.0)
    listener = watch(analysis, "cam", "boxes")
    seat = analysis._watched["cam"].places[0][1]
    unit = analysis._watched["cam"].places[0][0]
    unit.state = "ok"
    for _ in range(100):
        seat.offered.add()
    analysis.check_rates()
    analysis.check_rates()
    assert listener.told == [("analysis.slowed", "boxes")]


def test_a_rate_that_wavers_is_not_told_again_and_again(analysis, monkeypatch):
    monkeypatch.setattr(seat_module, "SLOW_AFTER_S", 0.0)
    listener = watch(analysis, "cam", "boxes")
    unit, seat = analysis._watched["cam"].places[0]
    unit.state = "ok"
    for _ in range(3):
        for _ in range(100):
            seat.offered.add()
        analysis.check_rates()
        seat.offered.clear()
        analysis.check_rates()
    assert len(listener.told) == 1
    monkeypatch.setattr(seat_module, "WELL_AFTER_S", 0.0)
    analysis.check_rates()
    for _ in range(100):
        seat.offered.add()
    analysis.check_rates()
    assert len(listener.told) == 2


def test_close_ends_all_threads(resources):  # noqa: F811
    analysis = Analysis(resources, threads=3)
    analysis.close()
    assert not any(thread.is_alive() for thread in analysis._threads)


class Telling:
    """An interpreter that repeats what it reads; it can count, and inherit."""

    def __init__(self, name="telling"):
        self.name = name
        self.read = []
        self.error = None
        self.counted = 0
        self.inherited = None

    def interpret(self, frame, findings):
        if self.error is not None:
            raise self.error
        self.read.append((frame.seq, findings.seq))
        self.counted += 1
        happened = (Happening("told.seen", f"frame {frame.seq}"),)
        return Findings.of(self.name, frame, measures={"counted": self.counted, "broken": float("nan")}, happenings=happened)

    def reset_counts(self):
        self.counted = 0

    def adopt(self, previous):
        self.counted = self.inherited = previous.counted


def add_interpreter(name="telling", reads="boxes"):
    made = []

    def factory(_params, _resources):
        made.append(Telling(name))
        return made[-1]

    register(name, factory, kind="analyzer", label=name.title(), description="A double.", params=Amount, reads=reads)
    return made


def test_an_interpreter_gets_each_result_of_what_it_reads_with_its_frame(analysis, stages):  # noqa: F811
    made = add_interpreter()
    add_interpreter("second", reads="telling")
    listener = watch(analysis, "cam", "boxes", "telling", "second")
    for seq in (1, 2, 3):
        analysis.submit(frame(seq))
        wait_for(lambda seq=seq: analysis.newest("cam").get("second", frame(0)).seq == seq, f"frame {seq} through all three")
    assert made[0].read == [(1, 1), (2, 2), (3, 3)]
    told = [found for found in listener.findings if found.analyzer == "telling"]
    assert [found.happenings[0].message for found in told] == ["frame 1", "frame 2", "frame 3"]
    assert analysis.newest("cam")["telling"].happenings == ()
    assert told[-1].measures == {"counted": 3, "broken": None}


def test_a_failing_interpreter_leaves_what_it_reads_alone(analysis, stages):  # noqa: F811
    made = add_interpreter()
    listener = watch(analysis, "cam", "boxes", "telling")
    analysis.submit(frame(1))
    wait_for(lambda: made and made[0].read, "the interpreter")
    made[0].error = ValueError("nonsense")
    seqs = iter(range(2, 100_000))
    wait_for(lambda: analysis.submit(frame(next(seqs))) or listener.told, "the failure")
    assert listener.told == [("analysis.failed", "telling")]
    before = len(listener.findings)
    wait_for(lambda: analysis.submit(frame(next(seqs))) or len(listener.findings) > before, "boxes go on")


def test_an_heir_takes_over_and_counts_can_be_reset(analysis, stages):  # noqa: F811
    made = add_interpreter()
    watch(analysis, "cam", "boxes", "telling")
    seqs = iter(range(1, 100_000))
    wait_for(lambda: analysis.submit(frame(next(seqs))) or (made and made[0].counted >= 3), "three results")
    analysis.configure("cam", {"boxes": Amount(), "telling": Amount(amount=9)})
    wait_for(lambda: analysis.submit(frame(next(seqs))) or (len(made) == 2 and made[1].read), "the heir")
    assert made[1].inherited == made[0].counted >= 3
    counted = made[1].counted
    analysis.reset_counts("cam")
    wait_for(lambda: analysis.submit(frame(next(seqs))) or made[1].counted < counted, "counting from zero")


def test_a_count_goes_on_when_parameters_change_twice_between_two_looks(analysis, stages):  # noqa: F811
    made = add_interpreter()
    watch(analysis, "cam", "boxes", "telling")
    seqs = iter(range(1, 100_000))
    wait_for(lambda: analysis.submit(frame(next(seqs))) or (made and made[0].counted >= 3), "three results")
    for amount in (7, 8, 9):
        analysis.configure("cam", {"boxes": Amount(), "telling": Amount(amount=amount)})
    wait_for(lambda: analysis.submit(frame(next(seqs))) or (len(made) > 1 and made[-1].read), "the last heir")
    assert made[-1].inherited == made[-2].counted >= 3


def test_in_exact_mode_a_frame_waits_for_all_its_findings(analysis, stages):  # noqa: F811
    stages.add("seldom", "analyzer", rate_hz=0.001)
    add_interpreter(reads="seldom")
    listener = Listener()
    analysis.watch("cam", listener)
    analysis.configure("cam", {name: stage(name).params() for name in ("boxes", "shared", "seldom", "telling")}, "exact")
    for seq in range(1, 20):
        analysis.submit(frame(seq))
        found = listener.findings[-4:]
        assert {f.analyzer for f in found} == {"boxes", "shared", "seldom", "telling"}
        assert {f.seq for f in found} == {seq}
    assert len(listener.findings) == 19 * 4
    assert all(report.drops == 0 for report in analysis.reports("cam"))


def test_in_exact_mode_a_failing_analyzer_holds_nothing_up(analysis, stages):  # noqa: F811
    add_interpreter()
    stages.refuse["boxes"] = RuntimeError("no such weights")
    listener = Listener()
    analysis.watch("cam", listener)
    analysis.configure("cam", {name: stage(name).params() for name in ("boxes", "telling", "other")}, "exact")
    for seq in range(1, 5):
        analysis.submit(frame(seq))
        assert listener.findings[-1].seq == seq
    assert {f.analyzer for f in listener.findings} == {"other"}


def test_leaving_exact_mode_frees_a_waiting_camera(analysis, stages):  # noqa: F811
    watch_exact = Listener()
    analysis.watch("cam", watch_exact)
    analysis.configure("cam", {"boxes": stage("boxes").params()}, "exact")
    analysis.submit(frame(1))
    stages.newest("boxes").go.clear()
    waiting = threading.Thread(target=analysis.submit, args=(frame(2),))
    waiting.start()
    analysis.configure("cam", {})
    waiting.join(30)
    assert not waiting.is_alive()
    stages.newest("boxes").go.set()


def test_an_analyzer_that_hangs_is_told_of_and_others_go_on(analysis, stages, monkeypatch):  # noqa: F811
    monkeypatch.setattr(analyzer_unit, "HUNG_AFTER_S", 0.0)
    stages.add("third", "analyzer", rate_hz=1e6)
    listener = watch(analysis, "cam", "boxes", "other", "third")
    seqs = iter(range(1, 100_000))
    wait_for(lambda: analysis.submit(frame(next(seqs))) or len({f.analyzer for f in listener.findings}) == 3, "all three")
    hanging = [stages.newest("boxes"), stages.newest("other")]
    for instance in hanging:
        instance.go.clear()
    analysis.submit(frame(next(seqs)))  # both threads are inside an analyzer now, or about to be

    def told():
        return {name for kind, name in listener.told if kind == "analysis.failed"}

    wait_for(lambda: analysis.submit(frame(next(seqs))) or analysis.check_rates() or told() >= {"boxes", "other"}, "the news")
    before = analysis.newest("cam")["third"].seq
    wait_for(lambda: analysis.submit(frame(next(seqs))) or analysis.newest("cam")["third"].seq > before, "the third goes on")
    for instance in hanging:
        instance.go.set()
    wait_for(lambda: analysis.submit(frame(next(seqs))) or ("analysis.recovered", "boxes") in listener.told, "the recovery")


def test_findings_of_another_name_are_a_failure(analysis, stages):  # noqa: F811
    listener = watch(analysis, "cam", "boxes")
    analysis.submit(frame(1))
    wait_for(lambda: listener.findings, "findings")
    stages.newest("boxes").name = "other"
    seqs = iter(range(2, 100_000))
    wait_for(lambda: analysis.submit(frame(next(seqs))) or listener.told, "the failure")
    assert listener.told == [("analysis.failed", "boxes")]


def test_what_hides_something_gets_its_turn_first(stages, resources):  # noqa: F811
    stages.add("blocking", "analyzer", rate_hz=1e6)
    stages.add("usual", "analyzer", rate_hz=1e6)
    stages.add("urgent", "analyzer", rate_hz=1e6, goes_first=True)
    analysis = Analysis(resources, threads=1)
    listener = watch(analysis, "cam", "blocking", "usual", "urgent")
    seqs = iter(range(1, 100_000))
    wait_for(lambda: analysis.submit(frame(next(seqs))) or len({f.analyzer for f in listener.findings}) == 3, "all three")
    wait_for(lambda: not any(unit.is_busy for unit in analysis._units.values()), "rest")
    blocking = stages.newest("blocking")
    blocking.go.clear()
    analysis.configure("cam", {"blocking": Amount()})
    analysis.submit(frame(next(seqs)))  # the only thread is inside the blocking one now
    analysis.configure("cam", {name: Amount() for name in ("blocking", "usual", "urgent")})
    analysis.submit(frame(next(seqs)))
    del listener.findings[:]
    blocking.go.set()
    wait_for(lambda: {"usual", "urgent"} <= {f.analyzer for f in listener.findings}, "both")
    order = [f.analyzer for f in listener.findings if f.analyzer != "blocking"]
    assert order[0] == "urgent"
    analysis.close()
