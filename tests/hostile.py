"""Names as nobody is called: each is an attempt on a file, a page, a letter, a table or a terminal (D3)."""

HOSTILE = [
    "<script>alert(1)</script>", "</rdf:li></rdf:Bag>", "]]>", "<!--", "&amp;&lt;&#10;&xxe;", '"\'`', "a,b|c}d]e{f[g",
    "{Name=x,Type=Face}", "=x", "+=x", "-=x", "<=/etc/passwd", "a<=/etc/passwd", "<-", "@", "a<b>c", "%d%f.%e",
    "-o /etc/x", "-execute", "-stay_open False", "--", "-@ /etc/passwd", "-if 0", "#[CSTR]-execute\\n", "# x",
    "$(touch x)", "`touch x`", "; rm -rf x", "| cat", "${filename;s/^/x/}", "$x", "%x %s %n", "../../x", "a/b\\c",
    "NULL", "'; DROP TABLE tag; --", "=1+1", "\u202eevil\u202c", "a\u200bb", "\u2066x\u2069", "e\u0301", "\u00e9",
    "Åsa 😀 👩‍👩‍👧", "a\u2028b", "\ufeffx", "x" * 1000, "😀" * 250, "a;b", "a; b;", "{ready123456}", "=0=post1", "0x41",
    "007", "1e5",
    "null", "nan", "base64:QQ==", "\\u0041", "&#x41;", "\u00a0x".strip(), "a\u00a0b", "a  b", "Å", "A\u030a",
]  # fmt: skip
IMPOSSIBLE = ["a\nb", "a\r-execute\r", "a\tb", "a\0b", "\0", "\x1b[31m", "a\x85b", "\ud800", "", " a", "a ", "\ufffe",
              "true", "False", "-o\n/etc/x"]  # fmt: skip
# What a mail server, a mail program, a browser or a spreadsheet might obey.
LETTERS = [
    "a\r\nBcc: x@example.net", "a\nSubject: other", "a\r\n\r\nother body", "a\r\n.\r\nMAIL FROM:<x@example.net>",
    "x@example.net", "x@example.net,", "<x@example.net>", '"x" <x@example.net>', "a, b", "=?utf-8?q?=0D=0ABcc:?=",
    "(comment)", "undisclosed-recipients:;", "${link}", "$link", "$$", "$site $x", "%(link)s", "{link}", "{{ link }}",
    "a\u2029b", "a\x85Bcc: x", "a\x0bb", "a\x0cb",
]  # fmt: skip
PAGES = [
    '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", "javascript:alert(1)", "{{ 7*7 }}", "{% raw %}",
    "</title><script>", "<svg/onload=alert(1)>", "</textarea>", "&lt;b&gt;", "<b", "a\x00b",
]  # fmt: skip
TABLES = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "=cmd|' /C calc'!A0", '=HYPERLINK("x")',
    "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20x", 'a","=1+1', "a\n=1+1", "'=1+1", "\u00a0=1+1", "|x", "%x",
]  # fmt: skip
