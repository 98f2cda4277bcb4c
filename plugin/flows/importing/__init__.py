"""Consents that exist elsewhere: a table, a folder of PDFs, ResourceSpace's consentmanager.

`tables` reads files, `entries` and `consent_forms` turn what was read into entries, `judge` says what would
become of each, `writing` carries out the good ones, `csv_reports` writes down what became of all.
"""
