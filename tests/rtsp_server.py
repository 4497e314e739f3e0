"""A real RTSP camera on loopback, for tests. Runs in Debian's own Python (its GStreamer binding is not on PyPI).

    /usr/bin/python3 tests/rtsp_server.py --port 8554 --user ann --password 'p/@ss' /clip=file.mp4

`/live` is always there: a moving ball; `/sounding` is the same with a tone of 440 Hz. Prints one URL a line once it listens.
Faults are switched by lines on stdin: `drop` closes every client's connection, `freeze` stops the pictures with connections open,
`thaw` lets them flow again, `size WIDTHxHEIGHT` changes the resolution of the next clients of `/live`. SIGSTOP freezes the whole
camera, SIGKILL unplugs it.
"""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

LIVE = (
    "( videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},framerate={fps}/1 ! valve name=valve"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={gop} ! rtph264pay name=pay0 pt=96 config-interval=1 )"
)
SOUND = " audiotestsrc is-live=true freq=440 volume=0.5 ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=97 )"
FILE = "( filesrc location={path} ! qtdemux name=d d.video_0 ! queue ! h264parse config-interval=1 ! rtph264pay name=pay0 pt=96 )"


class Camera:
    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._valves: list = []
        self._is_frozen = False
        self._server = GstRtspServer.RTSPServer()
        self._server.set_address("127.0.0.1")
        self._server.set_service(args.port)
        if args.user:
            self._demand_login()
        self._mount("/live", self._live_launch(*args.size.split("x")), is_shared=True)
        self._mount("/sounding", self._live_launch(*args.size.split("x")).removesuffix(" )") + SOUND, is_shared=True)
        for mount in args.mounts:
            name, _, path = mount.partition("=")
            self._mount(name, FILE.format(path=path), is_shared=False)

    def start(self) -> None:
        self._server.attach(None)
        GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, self._on_line)

    def _live_launch(self, width: str, height: str) -> str:
        return LIVE.format(width=width, height=height, fps=self._args.fps, gop=self._args.gop)

    def _demand_login(self) -> None:
        auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", self._args.user)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(self._args.user, self._args.password), token)
        self._server.set_auth(auth)

    def _mount(self, name: str, launch: str, *, is_shared: bool) -> None:
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(launch)
        factory.set_shared(is_shared)
        factory.connect("media-configure", self._on_media)
        if self._args.user:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role(self._args.user, "media.factory.access", True)
            permissions.add_permission_for_role(self._args.user, "media.factory.construct", True)
            factory.set_permissions(permissions)
        self._server.get_mount_points().add_factory(name, factory)
        print(f"rtsp://127.0.0.1:{self._args.port}{name}", flush=True)

    def _on_media(self, _factory: object, media: object) -> None:
        valve = media.get_element().get_child_by_name("valve")
        if valve is not None:
            valve.set_property("drop", self._is_frozen)
            self._valves.append(valve)

    def _on_line(self, stdin: object, condition: object) -> bool:
        words = stdin.readline().split()
        if not words:
            return not condition & GLib.IOCondition.HUP
        if words[0] == "drop":
            self._server.client_filter(lambda _server, client: client.close() or GstRtspServer.RTSPFilterResult.REMOVE)
        elif words[0] in ("freeze", "thaw"):
            self._is_frozen = words[0] == "freeze"
            for valve in self._valves:
                valve.set_property("drop", self._is_frozen)
        elif words[0] == "size":
            self._server.get_mount_points().remove_factory("/live")
            self._mount("/live", self._live_launch(*words[1].split("x")), is_shared=True)
        print(f"done {words[0]}", flush=True)
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mounts", nargs="*", metavar="/mount=file.mp4")
    parser.add_argument("--port", default="8554")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--fps", default="30")
    parser.add_argument("--gop", default="30", help="frames from one keyframe to the next")
    args = parser.parse_args()
    Gst.init(None)
    camera = Camera(args)
    camera.start()
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
