// Text that is not ours went to the terminal, into spreadsheets and into LaTeX as it came.
#include <gtest/gtest.h>

#include <clb/base/markup.hpp>
#include <clb/base/text.hpp>

namespace clb::base {
namespace {

TEST(ForeignText, OnATerminalIsOneLineThatHidesNothing) {
  EXPECT_EQ(printable("a\nb\tc\r"), "a\\nb\\tc\\r");
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("user\u202egnp.exe"), "user\\u202egnp.exe");
  EXPECT_EQ(printable("\u2066x\u2069\u200f\u2028\ufeff\u0085"), "\\u2066x\\u2069\\u200f\\u2028\\ufeff\\x85");
  EXPECT_EQ(printable("\U000e0041"), "\\U000e0041");
  EXPECT_EQ(printable("caf\xe9 \xc0\xaf \xed\xa0\x80 \xf0\x9f"), "caf\\xe9 \\xc0\\xaf \\xed\\xa0\\x80 \\xf0\\x9f");
  EXPECT_EQ(printable("été 猫 👩‍🔬 ×±"), "été 猫 👩‍🔬 ×±");
  EXPECT_EQ(printable("a\\b::c"), "a\\b::c");
}

TEST(ForeignText, IsNoCommandOfACiServer) {
  EXPECT_EQ(printable("::error file=x::gone"), "\\::error file=x::gone");
  EXPECT_EQ(printable("  ::set-output name=x::y"), "  \\::set-output name=x::y");
  EXPECT_EQ(printable("a ##[error]b"), "a #\\#[error]b");
}

TEST(ForeignText, PrintedTwiceIsPrintedOnce) {
  for (const char* text : {"a\nb", "::x", "##[x]", "\xff\u202e"}) EXPECT_EQ(printable(printable(text)), printable(text));
}

TEST(ForeignText, IsMeasuredInColumns) {
  EXPECT_EQ(display_width("猫ab"), 4u);
  EXPECT_EQ(display_width("e\u0301"), 1u);
  EXPECT_EQ(display_width("한글"), 4u);
  EXPECT_EQ(display_width("\u05d0\u05b8"), 1u);
  EXPECT_EQ(cut_to_width("猫猫猫", 5), "猫猫");
  EXPECT_EQ(cut_to_width("ab", 5), "ab");
}

TEST(ForeignText, InCsvIsNoFormula) {
  EXPECT_EQ(csv_field("=cmd|'/C calc'!A0"), "'=cmd|'/C calc'!A0");
  EXPECT_EQ(csv_field("@SUM(1,2)"), "\"'@SUM(1,2)\"");
  EXPECT_EQ(csv_field("+1+1"), "'+1+1");
  EXPECT_EQ(csv_field("-2+3"), "'-2+3");
  EXPECT_EQ(csv_field(" =1"), "' =1");
  EXPECT_EQ(csv_field("＝1"), "'＝1");
  EXPECT_EQ(csv_field("\t=1"), "\\t=1");
  for (const char* number : {"-1.2", "0.5", "-3", "1e-05", "-1.5e+300", "+7"}) EXPECT_EQ(csv_field(number), number);
  EXPECT_EQ(csv_field("a \"b\", c"), "\"a \"\"b\"\", c\"");
  EXPECT_EQ(csv_field("a\r\nb"), "a\\r\\nb");
}

TEST(ForeignText, InLatexIsText) {
  EXPECT_EQ(latex_text("[2em]"), "{[}2em{]}");
  EXPECT_EQ(latex_text("*"), "{*}");
  EXPECT_EQ(latex_text("a<b>c|d"), "a\\textless{}b\\textgreater{}c\\textbar{}d");
  EXPECT_EQ(latex_text("\\input{x} 5% $a_b^c$ #~&"),
            "\\textbackslash{}input\\{x\\} 5\\% \\$a\\_b\\textasciicircum{}c\\$ \\#\\textasciitilde{}\\&");
  EXPECT_EQ(latex_text("--lr ---"), "-{}-lr -{}-{}-");
  EXPECT_EQ(latex_text("x\u202ey"), "x\\textbackslash{}u202ey");
  EXPECT_EQ(latex_text("Müller 猫 ± ≈ 5–6"), "Müller {[}U+732B{]} $\\pm$ $\\approx$ 5--6");
}

TEST(ForeignText, InMarkdownIsText) {
  EXPECT_EQ(markdown_text("a|b `c` <img> *d* [e](f) &amp; #1 ~x~ $y$"),
            "a\\|b \\`c\\` \\<img\\> \\*d\\* \\[e\\](f) \\&amp; \\#1 \\~x\\~ \\$y\\$");
  EXPECT_EQ(markdown_text("- item"), "\\- item");
  EXPECT_EQ(markdown_text("1. item"), "1\\. item");
  EXPECT_EQ(markdown_text("-0.50 (3)"), "-0.50 (3)");
  EXPECT_EQ(markdown_text("a\n\n# b"), "a\\\\n\\\\n\\# b");
}

TEST(ForeignText, InXmlIsText) { EXPECT_EQ(xml_text("<a href='x\"'>&\x01"), "&lt;a href=&#39;x&quot;&#39;&gt;&amp;\\x01"); }

}  // namespace
}  // namespace clb::base
