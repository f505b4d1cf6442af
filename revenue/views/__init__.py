"""The pages. A view reads what is asked for, puts the question to the selectors, and renders; nothing is summed here."""
