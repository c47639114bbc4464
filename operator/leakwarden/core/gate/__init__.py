"""The leak gate: from measurements before and after each run of a command to a verdict. Pure.

`decide.look` says of one quantity whether it leaks, `growers` where the growth is, the rest how it is reported.
docs/gate.md says why it decides so.
"""
