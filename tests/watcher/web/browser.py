"""A headless Chromium as a subprocess: a picture of a page, or its document after loading. Nothing is installed."""

import shutil
import subprocess
import tempfile
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
TIME_LIMIT_S = 90
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--lang=en",
)


def chromium() -> str | None:
    """The browser on PATH, None if there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _run(url: str, *flags: str) -> subprocess.CompletedProcess[str]:
    browser = chromium()
    if browser is None:
        raise FileNotFoundError(f"no browser on PATH: install one of {', '.join(NAMES)}")
    with tempfile.TemporaryDirectory(prefix="browser-") as home:
        return subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={home}", *flags, url],
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )


def screenshot(url: str, target: Path, width: int, height: int, *, dark: bool = False) -> None:
    """Writes a PNG of the page. Raises OSError, subprocess.SubprocessError."""
    look = ("--force-dark-mode", "--blink-settings=preferredColorScheme=0") if dark else ()
    _run(url, f"--screenshot={target}", f"--window-size={width},{height}", *look)


def document(url: str, *flags: str) -> tuple[str, str]:
    """The document as the browser holds it after loading, and what the console said."""
    done = _run(url, "--dump-dom", "--enable-logging=stderr", "--v=0", *flags)
    return done.stdout, done.stderr
