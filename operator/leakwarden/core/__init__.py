"""The pure core: values in, values out. Nothing here does I/O, reads a clock, sleeps or logs; `now` is an argument."""
