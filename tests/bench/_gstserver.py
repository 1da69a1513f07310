"""A real RTSP server (GStreamer) that serves one file at rtsp://127.0.0.1:PORT/cam, in real time.

    /usr/bin/python3 tests/bench/_gstserver.py FILE PORT

Debian: gir1.2-gst-rtsp-server-1.0, python3-gi, gstreamer1.0-plugins-good and -bad; these come with the
system's Python, hence a program of its own that imports nothing of vidface.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Serve until killed; says "ready" once it listens."""
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    path, port = sys.argv[1:3]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( filesrc location={path} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
    )
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
