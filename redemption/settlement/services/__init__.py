"""Services of settlement: build, check, approve, send, pay, freeze, repay."""
