module leakwarden.io/leakgate

go 1.24
