"""Import consents from a table, a folder of PDFs, or ResourceSpace's consentmanager.

`tables` reads files, `entries` and `consent_forms` turn the rows into entries, `judge` decides on each, `writing`
imports the good ones, and `csv_reports` writes the result.
"""
