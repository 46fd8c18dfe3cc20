"""Takes secrets, and the places where the state lies, out of a text before anybody sees it. Pure."""

import re
from collections.abc import Mapping

from watcher.web.view import Clean


def cleaner(redact: Clean, paths: Mapping[str, str]) -> Clean:
    """Takes secrets out of a text, and the paths where the state lies: `paths` by what is to stand for each."""
    known = sorted(((path, words) for words, path in paths.items() if len(path) > 1), key=lambda p: -len(p[0]))
    word = re.compile(r"[^\s\"'():,;]+")  # a run of what a path is made of, so the work stays linear

    def without_state(found: re.Match[str]) -> str:
        return "[state]" if "/.pulumi" in found[0] else found[0]

    def clean(text: str) -> str:
        for path, words in known:
            if path in text:
                # Up to the end of the path, so that nothing of what lies in it is left.
                text = re.sub(rf"(?:file://)?{re.escape(path)}(?:/[^\s\"'():,;]*)?", f"[{words}]", text)
        return redact(word.sub(without_state, text))

    return clean
