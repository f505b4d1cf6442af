"""References as somebody might well type them, and as nobody should be able to break anything with."""

from __future__ import annotations

HOSTILE = [
    "../../etc",
    "a/b",
    "=1+1",
    "<script>alert(1)</script>",
    "🧾" * 128,
    "one, \"two\"; 'three' & four",
    "first line\nsecond  line",
    "first line\r\nsecond line",
    "\u202eright to left\u2066",
    "مرجع 12",
    "trailing dots...",
    "%2F",
    "x\x01y",
]
