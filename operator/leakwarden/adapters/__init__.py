"""One module an outside thing. Each implements one small Protocol and translates foreign errors once."""
