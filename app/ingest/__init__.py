"""Pictures into the database: reader -> embedder -> writer, under a runner that counts and times.

`reader` and `manifest` yield rows, `preparation` brings each to a decision and its pixels,
`writer` finds and upserts documents, `runner` moves batches through and reports.
"""
