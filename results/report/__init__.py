"""All records as one HTML file that needs no network and no other file.

`page.report_page` combines what `boards` and `runs` extract from the records; page.html, page.css
and the JavaScript files are its template.
"""
