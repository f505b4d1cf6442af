"""`make bench`: every figure that the README quotes, measured side by side in one run.

`__main__` chooses the parts, `parts/` holds one figure or one family of figures a file, `standin/` the upstream they
pull from, `peers/` what they are compared with. Nothing of Feeboard imports this.
"""
