"""The lower-case letters of Unicode 15.0, the version whose tables Dkron 4.0.9 is built with.

Python's own tables are older or newer than that, depending on its release, and the verdict must not change with it. So
the letters are listed here: hexadecimal code points, "a-b" a run, "a+b" every second one of a run. Data, nothing else.
"""

from typing import Final

_RUNS: Final = """
61-7a b5 df-f6 f8-ff 101+137 138+148 149+177 17a+17e 17f-180 183+185 188 18c-18d 192 195 199-19b 19e 1a1+1a5
1a8+1aa 1ab+1ad 1b0 1b4+1b6 1b9-1ba 1bd-1bf 1c6 1c9 1cc+1dc 1dd+1ef 1f0 1f3+1f5 1f9+233 234-239 23c 23f-240 242
247+24f 250-293 295-2af 371+373 377 37b-37d 390 3ac-3ce 3d0-3d1 3d5-3d7 3d9+3ef 3f0-3f3 3f5 3f8 3fb-3fc 430-45f
461+481 48b+4bf 4c2+4ce 4cf+52f 560-588 10d0-10fa 10fd-10ff 13f8-13fd 1c80-1c88 1d00-1d2b 1d6b-1d77 1d79-1d9a
1e01+1e95 1e96-1e9d 1e9f+1eff 1f00-1f07 1f10-1f15 1f20-1f27 1f30-1f37 1f40-1f45 1f50-1f57 1f60-1f67 1f70-1f7d
1f80-1f87 1f90-1f97 1fa0-1fa7 1fb0-1fb4 1fb6-1fb7 1fbe 1fc2-1fc4 1fc6-1fc7 1fd0-1fd3 1fd6-1fd7 1fe0-1fe7
1ff2-1ff4 1ff6-1ff7 210a 210e-210f 2113 212f 2134 2139 213c-213d 2146-2149 214e 2184 2c30-2c5f 2c61 2c65-2c66
2c68+2c6c 2c71+2c73 2c74+2c76 2c77-2c7b 2c81+2ce3 2ce4 2cec+2cee 2cf3 2d00-2d25 2d27 2d2d a641+a66d a681+a69b
a723+a72f a730-a731 a733+a771 a772-a778 a77a+a77c a77f+a787 a78c+a78e a791+a793 a794-a795 a797+a7a9 a7af
a7b5+a7c3 a7c8+a7ca a7d1+a7d9 a7f6 a7fa ab30-ab5a ab60-ab68 ab70-abbf fb00-fb06 fb13-fb17 ff41-ff5a 10428-1044f
104d8-104fb 10597-105a1 105a3-105b1 105b3-105b9 105bb-105bc 10cc0-10cf2 118c0-118df 16e60-16e7f 1d41a-1d433
1d44e-1d454 1d456-1d467 1d482-1d49b 1d4b6-1d4b9 1d4bb+1d4bd 1d4be-1d4c3 1d4c5-1d4cf 1d4ea-1d503 1d51e-1d537
1d552-1d56b 1d586-1d59f 1d5ba-1d5d3 1d5ee-1d607 1d622-1d63b 1d656-1d66f 1d68a-1d6a5 1d6c2-1d6da 1d6dc-1d6e1
1d6fc-1d714 1d716-1d71b 1d736-1d74e 1d750-1d755 1d770-1d788 1d78a-1d78f 1d7aa-1d7c2 1d7c4-1d7c9 1d7cb
1df00-1df09 1df0b-1df1e 1df25-1df2a 1e922-1e943
"""


def _letters() -> frozenset[str]:
    found: list[str] = []
    for run in _RUNS.split():
        step = 2 if "+" in run else 1
        first, _, last = run.replace("+", "-").partition("-")
        found += map(chr, range(int(first, 16), int(last or first, 16) + 1, step))
    return frozenset(found)


LOWER_CASE: Final = _letters()
