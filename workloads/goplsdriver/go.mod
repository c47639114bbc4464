module goplsdriver

go 1.26
