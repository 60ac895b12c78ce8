"""All records as one HTML file that needs nothing else: no network, no other file.

`page.report_page` puts together what `boards` and `runs` make of the records; page.html, page.css
and the scripts beside them are its template.
"""
