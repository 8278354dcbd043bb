"""People's labels: drawing the sample that they label, reading what they said, joining it with the judge's scores.

A sample is a random one of the questions that a judge scored in one run, and it is stored in that run's folder before
anybody labels it. Only so can it be known later that the labels are no choice of easy or striking questions, which is
what prediction-powered inference rests on.
"""
