"""What grew between two profiles, by function and by line, as `go tool pprof -top -diff_base` counts it.

`open_profile` takes the bytes of each, `difference` subtracts. docs/diff.md says where pprof does more.
"""
