"""The forecast (投放预测): a campaign played in memory before anybody approves it.

A pure function of the definition, the parameters of the model and a seed. Every decision is made
by the rules that decide real claims and payments; only people, hours and tickets are drawn. It is
a forecast, never a promise: docs/campaigns.md says what the model leaves out.
"""
