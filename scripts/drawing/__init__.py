"""Drawn product shots: garments as layered shapes, lit as cloth, photographed from above.

`catalogue` says what there is, the modules named after garments say what their shapes are,
`painter` turns shapes into pixels, `picture` composes one finished photo.

Drawing space: x to the right from -1 to 1, y down from -1.25 to 1.25, the picture's centre at 0.
"""
