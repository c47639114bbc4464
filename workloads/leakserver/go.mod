module leakserver

go 1.26
