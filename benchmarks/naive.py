"""The loop that most camera dashboards are built on, as a baseline: each viewer reads the newest picture, filters,
analyses and encodes it for itself, in a thread of the web server. `python -m benchmarks.naive CLIP PORT [--stages]`
"""

import argparse
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np


class SharedCapture:
    """One thread reads the clip at its own rate, over and over; everybody takes the newest frame."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._changed = threading.Condition()
        self._frame: tuple[int, int, Any] = (0, 0, None)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        seq = 0
        due = time.monotonic()
        while True:
            capture = cv2.VideoCapture(self._path)
            while (read := capture.read())[0]:
                seq += 1
                due += 1 / 30
                time.sleep(max(0.0, due - time.monotonic()))
                with self._changed:
                    self._frame = (seq, time.monotonic_ns(), read[1])
                    self._changed.notify_all()

    def newer_than(self, seq: int) -> tuple[int, int, Any]:
        with self._changed:
            self._changed.wait_for(lambda: self._frame[0] > seq)
            return self._frame


class Stages:
    """Grayscale, brightness, motion and faces, inline, at full size."""

    def __init__(self) -> None:
        from mediapipe.python.solutions.face_detection import FaceDetection

        self._motion = cv2.createBackgroundSubtractorMOG2(detectShadows=True)
        self._faces = FaceDetection(min_detection_confidence=0.5)

    def apply(self, image: Any) -> Any:
        motion = self._motion.apply(image)
        contours, _ = cv2.findContours(motion, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        faces = self._faces.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).detections or []
        gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        bright = cv2.convertScaleAbs(gray, alpha=1.0, beta=20)
        for contour in (c for c in contours if cv2.contourArea(c) > 500):
            x, y, w, h = cv2.boundingRect(contour)
            cv2.rectangle(bright, (x, y), (x + w, y + h), (0, 255, 0), 2)
        height, width = bright.shape[:2]
        for face in faces:
            box = face.location_data.relative_bounding_box
            corner = np.array(
                [box.xmin * width, box.ymin * height, (box.xmin + box.width) * width, (box.ymin + box.height) * height], int
            )
            cv2.rectangle(bright, corner[:2].tolist(), corner[2:].tolist(), (255, 0, 0), 2)
        return bright


def mjpeg_part(jpeg: bytes, captured_ns: int, seq: int) -> bytes:
    """One part of a multipart/x-mixed-replace stream, with the headers that the viewers measure by."""
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\nX-Captured-Ns: {captured_ns}\r\n"
    return head.encode() + f"X-Sequence: {seq}\r\n\r\n".encode() + jpeg + b"\r\n"


def serve(clip: str, port: int, *, with_stages: bool) -> None:
    capture = SharedCapture(clip)

    class Feed(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            stages = Stages() if with_stages else None
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            seq = 0
            while True:
                seq, captured_ns, image = capture.newer_than(seq)
                image = image if stages is None else stages.apply(image)
                jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
                try:
                    self.wfile.write(mjpeg_part(jpeg, captured_ns, seq))
                except OSError:
                    return

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Feed)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("port", type=int)
    parser.add_argument("--stages", action="store_true")
    arguments = parser.parse_args()
    serve(arguments.clip, arguments.port, with_stages=arguments.stages)
