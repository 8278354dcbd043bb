"""The light judge: a logistic model of what a claim and its context have in common. No chat model, no call."""
