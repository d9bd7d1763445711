// Foreign text (text.hpp) for files that somebody else's program reads as markup. Each function begins with `printable`, so that nothing
// invisible gets through, and is the only one for its kind of file.
#pragma once

#include <string>
#include <string_view>

namespace clb::base {

// A field of CSV: quoted where RFC 4180 wants it, and no formula for a spreadsheet. A text that begins like one gets an apostrophe in
// front; a number is none.
std::string csv_field(std::string_view text);

// LaTeX in the middle of text or in a cell, also the first of a row: nothing of it is a command, an argument of \\ or a ligature. Letters
// beyond Latin, which most fonts lack, become [U+4E2D]; the signs that our own tables use stay what they are.
std::string latex_text(std::string_view text);

// GitHub's Markdown, also in a cell of a table: nothing of it is read as markup.
std::string markdown_text(std::string_view text);

// XML and HTML, also in an attribute.
std::string xml_text(std::string_view text);

}  // namespace clb::base
