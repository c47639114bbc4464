module example.com/editor

go 1.24

require leakwarden.io/leakgate v0.0.0

replace leakwarden.io/leakgate => ../../leakgate
