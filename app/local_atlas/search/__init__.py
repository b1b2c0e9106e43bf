"""Search indexes of LocalAtlas: definitions, vectors, filters, scores and the stages that use them.

The rules are those of MongoDB's search server (mongot); its error texts are kept word for word, so
that a pipeline that is refused here is refused there with the same sentence.
"""
