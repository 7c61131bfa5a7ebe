"""A page of black rectangles and Helvetica text as PDF 1.4. Enough for a label; no images, no layout.

The same page gives the same bytes, so that a label written twice is one label.
"""

import unicodedata
from dataclasses import dataclass, field

MILLIMETRE = 72 / 25.4
"""Points a millimetre."""
_WITHOUT_STROKE = {"Ł": "L", "ł": "l", "Đ": "D", "đ": "d"}
"""Letters whose stroke Unicode does not count as an accent."""


@dataclass
class Page:
    """One page under construction. Lengths are millimetres from the lower left corner."""

    width: float
    height: float
    title: str
    _drawn: list[str] = field(default_factory=list)

    def rectangle(self, x: float, y: float, width: float, height: float) -> None:
        """Fill a rectangle whose lower left corner is (x, y)."""
        self._drawn.append(f"{_points(x)} {_points(y)} {_points(width)} {_points(height)} re f")

    def text(self, x: float, y: float, content: str, size: float, *, bold: bool = False) -> None:
        """Write one line from (x, y); `size` is in points. What does not fit on the page is cut with dots."""
        room = (self.width - x) * MILLIMETRE - size
        longest = max(1, int(room / (size * (0.58 if bold else 0.54))))
        shown = content if len(content) <= longest else content[: longest - 3].rstrip() + "..."
        font = "F2" if bold else "F1"
        self._drawn.append(f"BT /{font} {size:g} Tf {_points(x)} {_points(y)} Td {_string(shown)} Tj ET")

    def to_bytes(self) -> bytes:
        """Return the finished file."""
        content = "\n".join(self._drawn).encode("latin-1")
        box = f"[0 0 {_points(self.width)} {_points(self.height)}]"
        fonts = "<< /F1 5 0 R /F2 6 0 R >>"
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Resources << /Font {fonts} >> /Contents 4 0 R >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            _font("Helvetica"),
            _font("Helvetica-Bold"),
            f"<< /Title {_string(self.title)} /Producer (Returns Desk) >>".encode("latin-1"),
        ]
        return _assembled(objects)


def _assembled(objects: list[bytes]) -> bytes:
    """Return the file: objects numbered from 1, then the table of their byte offsets, which readers open it by."""
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table_at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\n" % (len(objects) + 1, len(objects))
    out += b"startxref\n%d\n%%%%EOF\n" % table_at
    return bytes(out)


def _font(name: str) -> bytes:
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()


def _points(millimetres: float) -> str:
    return f"{millimetres * MILLIMETRE:.4f}".rstrip("0").rstrip(".")


def _string(text: str) -> str:
    """Return a PDF string, its bytes as Latin-1 characters: the built-in fonts know Windows-1252 only.

    Letters outside it lose their accents; what then still is outside becomes a question mark.
    """
    plain = "".join(character if character.isprintable() else " " for character in text)
    encoded = b"".join(_encoded(character) for character in plain).decode("latin-1")
    return "(" + encoded.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") + ")"


def _encoded(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        base = _WITHOUT_STROKE.get(character) or unicodedata.normalize("NFKD", character)[:1]
        return base.encode("cp1252", errors="replace")
