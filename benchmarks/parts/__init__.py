"""The figures, by family. A part is a function from the bench to its figures; `PARTS` in `__main__` names them."""
