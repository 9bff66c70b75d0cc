"""一笔穿透: one redemption followed from its claim to the bank line and the acquirer's file row."""
