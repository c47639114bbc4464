"""The verbs in order: discover, sample, judge, decide, record, act, verify.

Modules here hold what changes while the operator runs and call the pure core; they reach the outside only through the
Protocols of `ports`. Time comes in through a `Clock`. Nothing here knows kopf, aiohttp, SQLite or Prometheus.
"""
