"""Pictures into the database: reader -> embedder -> writer, under a runner that counts and times.

`reader` opens a gallery, which yields rows: a folder, a manifest, a bucket; `guest_gallery` is that
of a shop's own collection. A row's picture is an `app.pictures.PictureSource`, wherever its bytes
are. `preparation` brings each row to a decision and its pixels, `writer` finds and upserts
documents (`guest_writing` where they are the shop's), `runner` moves batches through and reports.
"""
