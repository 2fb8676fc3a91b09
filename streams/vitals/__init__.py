"""The pure core: no I/O, no clock, no logging, no Faust. The same functions live, in replay and in backtest."""
