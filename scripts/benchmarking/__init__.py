"""The search benchmark: the same vectors and questions for LocalAtlas and for what one might use.

`questions` says what is asked, `systems` how each system is told to do it. Every system lives in a
process of its own (`session` is what runs there, `worker` the way to it); `rounds` asks them in
turn, `tuning` finds the setting at which each is accurate, `report` writes down what came out.
"""
