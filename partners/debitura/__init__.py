"""Debitura's Referral Partner API, spoken in plain Python: typed calls that yield frozen records.

`client.DebituraClient` is the door, `records` is what comes through it, `errors` is what can go wrong.
Nothing here knows Django.
"""
