"""`make screenshot`: docs/status.png, the status page with an example's data, taken by a headless Chromium."""

import argparse
import subprocess
import sys
from pathlib import Path

from dev.browser import screenshot
from dev.example_status import example_pages
from dev.say import ROOT, say, stop
from watcher.web.server import HttpServer


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev.screenshot", description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "status.png")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=1240)
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    options.to.parent.mkdir(parents=True, exist_ok=True)
    server = HttpServer(("127.0.0.1", 0), {}, lambda what: say("page", what), example_pages())
    try:
        url = f"http://127.0.0.1:{server.port}/"
        screenshot(url, options.to.resolve(), options.width, options.height, dark=options.dark)
    except (OSError, subprocess.SubprocessError) as error:
        stop(f"screenshot: {error}")
    finally:
        server.close()
    say("picture", str(options.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
