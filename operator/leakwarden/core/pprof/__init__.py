"""Reading pprof profiles: `decode` takes the bytes that a Go process serves and gives a validated `Profile`."""
