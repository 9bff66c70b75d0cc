"""演示台: a reference client of the signed API in the browser; only where XFQ_DEMO is on."""
