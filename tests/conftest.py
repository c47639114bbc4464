"""For all tests: hypothesis searches anew at every run, but in CI it draws the same examples each time.

A change is then judged by what it changed. What a search at home finds becomes an example of its own.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
