from dataclasses import replace

import cv2
import numpy as np
import pytest

from sightline.analysis.scheduler import Analysis
from sightline.errors import Conflict, Invalid, NotFound, SourceError
from sightline.live.camera import LiveCamera
from sightline.live.context import CameraConfig, LiveContext
from sightline.live.stats import camera_stats
from sightline.media.chain import ChainSpec
from sightline.media.packet import Rendition
from sightline.media.stage import register
from sightline.media.transform import Transform
from tests.live_fakes import Collector, HandReader, frame, wait_for
from tests.live_stages import resources, stages  # noqa: F401 - fixtures


class Bench:
    """A camera whose source the test drives."""

    def __init__(self, resources):  # noqa: F811
        self.readers = []
        self.events = []
        self.statuses = []
        self.refuse = None
        self.analysis = Analysis(resources, threads=1)
        self.context = LiveContext(
            self.analysis, resources, self.make_reader, self.events.append, self.statuses.append, lambda camera_id: None
        )
        self.camera = None

    def make_reader(self, config, on_frame, on_state):
        if self.refuse is not None:
            raise self.refuse
        self.readers.append(HandReader(config, on_frame, on_state))
        return self.readers[-1]

    def start(self, **changes):
        config = CameraConfig("cam", "Front door", "demo:", {}, True, ChainSpec.default())
        self.camera = LiveCamera(replace(config, **changes), self.context)
        return self.camera

    @property
    def reader(self):
        return self.readers[-1]

    def options(self, **options):
        config = self.camera.config
        self.camera.configure(replace(config, chain=config.chain.with_options(options)))

    def kinds(self):
        return [event.kind for event in self.events]

    def stats(self):
        return camera_stats(self.camera, self.analysis)


@pytest.fixture
def bench(stages, resources):  # noqa: F811
    stages.add("plus")
    stages.add("motion_detection", "analyzer", rate_hz=1e6)
    stages.add("object_tracking", "analyzer", rate_hz=1e6)
    bench = Bench(resources)
    yield bench
    if bench.camera is not None:
        bench.camera.close()
    bench.analysis.close()


def level(packet):
    """Brightness of the middle of a picture."""
    image = cv2.imdecode(np.frombuffer(packet.data, np.uint8), cv2.IMREAD_COLOR)
    return int(image[24, 32, 0])


def watch(camera, **rendition):
    collector = Collector()
    return collector, camera.hub.subscribe(Rendition(**rendition), collector)


def push_until_shown(bench, collector, seq, value):
    bench.reader.push(seq, value)
    wait_for(lambda: collector.packets and collector.packets[-1].seq == seq, f"frame {seq}")
    return level(collector.packets[-1])


def test_frames_go_through_the_chain_to_the_viewer(bench):
    camera = bench.start()
    bench.reader.push(1)
    collector, _ = watch(camera, quality=100)
    bench.options(plus=True, plus_amount=90)
    assert push_until_shown(bench, collector, 2, 50) == 140
    bench.options(plus=False)
    assert push_until_shown(bench, collector, 3, 50) == 50
    assert len(bench.readers) == 1, "a toggle must not restart the source"


def test_raw_view_is_untouched(bench):
    camera = bench.start()
    bench.reader.push(1)
    bench.options(plus=True, plus_amount=90)
    collector, _ = watch(camera, view="raw", quality=100)
    assert push_until_shown(bench, collector, 2, 50) == 50


def test_nothing_is_filtered_or_encoded_unwatched_but_analysis_runs(bench, stages):  # noqa: F811
    bench.start()
    bench.options(plus=True, motion_detection=True)
    for seq in range(1, 6):
        bench.reader.push(seq)
        wait_for(lambda seq=seq: bench.analysis.newest("cam").get("motion_detection") is not None, "motion")
    stats = bench.stats()
    assert "plus" not in stages.built
    assert stats.encodes_total == 0
    assert stats.frames_processed == 5
    assert {stage.name for stage in stats.stages} == {"plus", "motion_detection", "decode", "paint", "encode"}


def test_a_viewer_sees_the_newest_picture_at_once(bench):
    camera = bench.start()
    bench.reader.push(1, 77)
    collector, _ = watch(camera, quality=100)
    wait_for(lambda: [p for p in collector.packets if p.seq == 1 and level(p) == 77], "the picture that was there already")


def test_without_signal_viewers_stay_and_are_told(bench):
    camera = bench.start()
    collector, _ = watch(camera)
    wait_for(lambda: collector.packets, "a no-signal picture while it connects")
    bench.reader.push(1, 50)
    wait_for(lambda: collector.packets[-1].seq == 1, "the live picture")
    before = len(collector.packets)
    bench.reader.become("stalled", "stalled", "No picture comes")
    wait_for(lambda: len(collector.packets) > before, "a no-signal picture")
    assert level(collector.packets[-1]) != 50
    assert not collector.is_ended.is_set()


class Doubling:
    """A filter that doubles the picture's size."""

    transform = Transform.scale(2, 2)

    def apply(self, image, _moment):
        return cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)


def test_an_enlarged_picture_reaches_viewers_and_snapshots_with_its_boxes(bench, stages):  # noqa: F811
    register("big", lambda _params, _resources: Doubling(), kind="filter", label="Big", description="A double.", moves=True)
    camera = bench.start()
    bench.options(big=True, motion_detection=True)
    whole, _ = watch(camera, quality=100)
    small, _ = watch(camera, width_px=32)
    bench.reader.push(1, 0)
    wait_for(lambda: bench.analysis.newest("cam"), "motion")
    bench.reader.push(2, 0)
    wait_for(lambda: whole.packets and small.packets and whole.packets[-1].seq == small.packets[-1].seq == 2, "frame 2")
    snapshot = camera.snapshot("processed", 100)
    assert (snapshot.width, snapshot.height) == (128, 96)
    assert snapshot.findings[0].detections[0].box == (10, 10, 30, 30), "findings stay in source pixels"
    image = cv2.imdecode(np.frombuffer(snapshot.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image[58:63, 30:50].max() > 100, "the lower edge of the box, twice as far down"
    assert image[66:, 70:].max() < 20
    sizes = [cv2.imdecode(np.frombuffer(seen.packets[-1].data, np.uint8), cv2.IMREAD_COLOR).shape for seen in (whole, small)]
    assert sizes == [(96, 128, 3), (24, 32, 3)]


def test_findings_are_painted_and_can_be_hidden(bench):
    camera = bench.start()
    collector, _ = watch(camera, quality=100)
    bench.options(motion_detection=True)
    bench.reader.push(1, 0)
    wait_for(lambda: bench.analysis.newest("cam"), "motion")
    bench.reader.push(2, 0)
    wait_for(lambda: collector.packets and collector.packets[-1].seq == 2, "frame 2")
    painted = cv2.imdecode(np.frombuffer(collector.packets[-1].data, np.uint8), cv2.IMREAD_COLOR)
    assert painted.max() > 100
    camera.configure(replace(camera.config, chain=camera.config.chain.with_processing(False)))
    bench.reader.push(3, 0)
    wait_for(lambda: collector.packets[-1].seq == 3, "frame 3")
    assert cv2.imdecode(np.frombuffer(collector.packets[-1].data, np.uint8), cv2.IMREAD_COLOR).max() < 10


def test_a_new_source_goes_on_counting_where_the_old_one_stopped(bench):
    camera = bench.start()
    bench.reader.push(5)
    pts_ns = camera.newest_frame.pts_ns
    camera.configure(replace(camera.config, source="demo:?fps=5"))
    assert len(bench.readers) == 2
    assert bench.readers[0].state.state == "stopped"
    bench.reader.push(1)
    assert camera.newest_frame.seq == 6
    assert camera.newest_frame.pts_ns > pts_ns


def test_stop_and_start(bench):
    camera = bench.start()
    bench.reader.push(1)
    camera.configure(replace(camera.config, is_running=False))
    assert (camera.status().state, camera.status().is_running) == ("stopped", False)
    camera.configure(replace(camera.config, is_running=True))
    camera.configure(replace(camera.config, is_running=True))
    assert len(bench.readers) == 2
    assert camera.status().state == "connecting"


def test_events_tell_what_is_new_and_only_that(bench):
    bench.start()
    bench.options(motion_detection=True)
    bench.reader.push(1)
    wait_for(lambda: len(bench.analysis.newest("cam")) == 1, "motion")
    bench.reader.push(2)
    wait_for(lambda: "motion.started" in bench.kinds(), "the motion event")
    for _ in range(3):
        bench.reader.become("backoff", "unreachable", "Nothing answers")
        bench.reader.become("connecting")
    bench.reader.push(3)
    assert bench.kinds() == ["camera.live", "motion.started", "camera.lost", "camera.live"]


def test_wait_live_returns_with_the_first_frame(bench):
    camera = bench.start()
    with pytest.raises(SourceError) as caught:
        camera.wait_live(0.01)
    assert caught.value.code == "timeout"
    bench.reader.push(1)
    camera.wait_live(5)


@pytest.mark.parametrize("code", ["unreachable", "auth_failed", "not_found", "corrupt"])
def test_wait_live_names_the_reason_at_once(bench, code):
    camera = bench.start()
    bench.reader.become("backoff", code, "It does not work")
    with pytest.raises(SourceError, match="It does not work") as caught:
        camera.wait_live(30)
    assert caught.value.code == code


def test_wait_live_on_a_stopped_camera_is_a_conflict(bench):
    camera = bench.start(is_running=False)
    with pytest.raises(Conflict):
        camera.wait_live(30)


def test_a_source_that_does_not_read_leaves_the_camera_standing(bench):
    bench.refuse = Invalid("That is no address", code="bad_source")
    camera = bench.start(source="nonsense")
    assert (camera.status().state, camera.status().message) == ("stopped", "That is no address")
    with pytest.raises(Invalid):
        camera.wait_live(1)


def test_snapshots(bench):
    camera = bench.start()
    with pytest.raises(Conflict) as caught:
        camera.snapshot("processed", 90)
    assert caught.value.code == "no_frame"
    bench.reader.push(1, 50)
    bench.options(plus=True, plus_amount=100)
    processed, raw = camera.snapshot("processed", 100), camera.snapshot("raw", 100)
    for snapshot, expected in ((processed, 150), (raw, 50)):
        image = cv2.imdecode(np.frombuffer(snapshot.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert int(image[24, 32, 0]) == expected
        assert (snapshot.width, snapshot.height, snapshot.seq) == (64, 48, 1)
    assert bench.stats().encodes_total == 0


@pytest.mark.parametrize("box", [(10, 10, 10, 20), (20, 20, 10, 10), (-1, 0, 5, 5), (0, 0, 65, 10), (0, 0, float("nan"), 10)])
def test_a_bad_box_to_follow_is_refused(bench, box):
    camera = bench.start()
    bench.options(object_tracking=True)
    bench.reader.push(1)
    with pytest.raises(Invalid):
        camera.follow(box)


def test_follow_reaches_the_tracker(bench, stages):  # noqa: F811
    camera = bench.start()
    with pytest.raises(Conflict):
        camera.follow((1, 1, 9, 9))
    bench.reader.push(1)
    with pytest.raises(Conflict, match="switched off"):
        camera.follow((1, 1, 9, 9))
    bench.options(object_tracking=True)
    camera.follow((1, 1, 9, 9))
    bench.reader.push(2)
    wait_for(lambda: stages.built.get("object_tracking"), "the tracker")
    wait_for(lambda: stages.newest("object_tracking").batches, "its first look")
    assert stages.newest("object_tracking").target.box == (1, 1, 9, 9)
    # As drawn on a processed picture that shows the left upper quarter, enlarged to the camera's size.
    camera.runner.to_source = lambda box: tuple(edge / 2 for edge in box)
    for box, expected in (((20, 20, 40, 40), (10, 10, 20, 20)), ((0, 0, 64, 48), (0, 0, 32, 24))):
        camera.follow(box, "processed")
        bench.reader.push(1)
        wait_for(lambda: stages.newest("object_tracking").target.box == expected, "the box on the source picture")  # noqa: B023
    camera.follow(None)


def test_statistics_and_their_reset(bench):
    camera = bench.start()
    bench.options(motion_detection=True)
    for seq in range(1, 5):
        bench.reader.push(seq)
    wait_for(lambda: bench.stats().counts == {"motion_detection": 1}, "the count")
    stats = bench.stats()
    assert stats.frames_processed == 4
    assert stats.state == "live"
    camera.reset_counters()
    assert bench.stats().frames_processed == 0


def test_close_ends_viewers_and_threads(bench):
    camera = bench.start()
    collector, _ = watch(camera)
    bench.reader.push(1)
    camera.close()
    assert collector.is_ended.wait(30)
    assert not camera._thread.is_alive()
    assert bench.reader.state.state == "stopped"
    with pytest.raises(Conflict):
        camera.snapshot("processed", 90)


def test_a_filter_that_dies_does_not_kill_the_camera(bench, stages):  # noqa: F811
    camera = bench.start()
    collector, _ = watch(camera, quality=100)
    bench.options(plus=True)
    bench.reader.push(1, 50)
    wait_for(lambda: stages.built.get("plus"), "the filter")
    stages.newest("plus").error = RuntimeError("broken")
    assert push_until_shown(bench, collector, 2, 50) == 50
    row = next(stage for stage in bench.stats().stages if stage.name == "plus")
    assert row.state == "failing"
    assert "analysis.failed" in bench.kinds()


@pytest.mark.parametrize("state", ["backoff", "ended"])
def test_the_same_configuration_again_is_a_start_but_a_toggle_is_not(bench, state):
    camera = bench.start()
    bench.reader.become(state, "ended" if state == "ended" else "unreachable")
    bench.options(plus=True)
    assert len(bench.readers) == 1
    camera.configure(replace(camera.config))
    assert len(bench.readers) == 2
    assert camera.status().state == "connecting"


def test_a_camera_that_repeats_one_picture_is_not_shown_as_live(bench):
    camera = bench.start()
    collector, _ = watch(camera, quality=100)
    assert push_until_shown(bench, collector, 1, 50) == 50
    bench.reader.become("stalled", "frozen", "The same picture again and again")
    for seq in range(2, 12):
        bench.reader.on_frame(frame(seq, "cam", 50))
    wait_for(lambda: level(collector.packets[-1]) != 50, "the no-signal picture")
    assert len(collector.packets) < 10
    assert camera.is_frozen


def test_a_deleted_camera_cannot_be_changed_any_more(bench):
    camera = bench.start()
    camera.close()
    with pytest.raises(NotFound):
        bench.options(plus=True)
    assert bench.stats().stages[-1].name == "encode"
