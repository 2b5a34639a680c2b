"""Learning from past conversations: data sets, tuning, compression, evaluation, versions. Must not know SQL or web."""
