"""Lists as files: the same filters and the same rows as on the screen, streamed in constant memory.

CSV is UTF-8 with BOM and CRLF (RFC 4180). A text that a spreadsheet would run as a formula gets an apostrophe before it;
numbers stay numbers. Amounts are exact, as Debitura sent them. Both databases give the same bytes. Workbooks and archives
are made of the same columns (columns.py) and say about themselves what is inside (about.py).
"""
